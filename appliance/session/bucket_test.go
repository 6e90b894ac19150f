package session_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/yizhan-im/yizhan/appliance/session"
)

var noon = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

func takeAll(b *session.Bucket, perSecond, burst int, now time.Time) (taken int) {
	for b.Take(perSecond, burst, now) {
		taken++
	}
	return taken
}

func TestBucketAllowsABurstThenTheRate(t *testing.T) {
	var b session.Bucket
	if got := takeAll(&b, 10, 5, noon); got != 5 {
		t.Errorf("a full bucket gives %d tokens, want 5", got)
	}
	if b.Take(10, 5, noon.Add(99*time.Millisecond)) {
		t.Error("a token after 99 ms at 10 per second")
	}
	if got := takeAll(&b, 10, 5, noon.Add(200*time.Millisecond)); got != 2 {
		t.Errorf("%d tokens after 200 ms, want 2", got)
	}
	if got := takeAll(&b, 10, 5, noon.Add(time.Hour)); got != 5 {
		t.Errorf("%d tokens after an hour, want no more than the burst of 5", got)
	}
}

func TestBucketWithoutALimit(t *testing.T) {
	var b session.Bucket
	for range 1000 {
		if !b.Take(0, 0, noon) {
			t.Fatal("no limit, but refused")
		}
	}
}

func TestBucketSurvivesAClockThatStepsBack(t *testing.T) {
	var b session.Bucket
	takeAll(&b, 10, 5, noon)
	before := noon.Add(-24 * time.Hour)
	if b.Take(10, 5, before) {
		t.Error("stepping back filled the bucket")
	}
	if !b.Take(10, 5, before.Add(100*time.Millisecond)) {
		t.Error("no token one interval after the clock stepped back")
	}
}

func TestBucketTakesExtremeSettings(t *testing.T) {
	for _, perSecond := range []int{1, math.MaxInt} {
		for _, burst := range []int{-1, 0, 1, math.MaxInt} {
			var b session.Bucket
			if !b.Take(perSecond, burst, noon) {
				t.Errorf("rate %d, burst %d: a full bucket refuses", perSecond, burst)
			}
		}
	}
}

// Over any time the bucket gives at most burst + rate × time, and never refuses
// while it holds a token.
func TestBucketMatchesModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		perSecond := rapid.SampledFrom([]int{1, 2, 5, 10, 100}).Draw(t, "rate")
		burst := rapid.IntRange(1, 20).Draw(t, "burst")
		interval := time.Second / time.Duration(perSecond)

		var b session.Bucket
		level := time.Duration(burst) * interval // tokens in the model, as time
		now := noon
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			step := time.Duration(rapid.Int64Range(0, int64(3*interval)).Draw(t, "step"))
			now = now.Add(step)
			level = min(level+step, time.Duration(burst)*interval)
			want := level >= interval
			if got := b.Take(perSecond, burst, now); got != want {
				t.Fatalf("Take = %v with %v of tokens, want %v", got, level, want)
			}
			if want {
				level -= interval
			}
		}
	})
}
