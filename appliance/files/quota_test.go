package files

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestDailyQuota(t *testing.T) {
	s := newSite(t, func(o *Options) {
		o.Default.PerDay = 1000
		o.Tenants = map[string]Limits{"bank": {PerDay: 5000}}
		o.GrantLifetime = 48 * time.Hour
	})
	// Away from midnight, UTC.
	s.skew.Store(int64(time.Until(time.Now().UTC().Truncate(24 * time.Hour).Add(34 * time.Hour))))
	s.crash()
	alice, carol, bob := s.alice(), s.bearer("shop", "carol"), s.bearer("bank", "bob")
	s.put(alice, "", text(600, "x")).is(t, http.StatusOK)
	s.put(carol, "", text(401, "x")).refused(t, errDailyQuota)
	u := s.newTus(carol, 400) // counts from its announcement
	s.put(alice, "", text(1, "x")).refused(t, errDailyQuota)
	s.put(bob, "", text(1001, "x")).is(t, http.StatusOK)
	u.request("DELETE", nil).is(t, http.StatusNoContent)
	s.put(alice, "md5=00000000000000000000000000000000", text(400, "x")).refused(t, errDigest) // gives back
	s.put(alice, "", text(300, "x")).is(t, http.StatusOK)

	s.crash() // forgives nothing
	s.put(s.alice(), "", text(101, "x")).refused(t, errDailyQuota)
	s.put(s.alice(), "", text(100, "x")).is(t, http.StatusOK)
	s.skew.Add(int64(24 * time.Hour))
	s.put(s.alice(), "", text(1000, "x")).is(t, http.StatusOK)
	days, err := os.ReadDir(filepath.Join(s.dir, usageFolder))
	if err != nil || len(days) != 1 {
		t.Errorf("%v %v, want one day", days, err)
	}
}

func TestUploadsOfAnAccountAndOfTheNode(t *testing.T) {
	s := newSite(t, func(o *Options) { o.MaxUploads = 2; o.MaxUnfinished = 3 })
	alice := s.alice()
	u := s.newTus(alice, 10)
	s.newTus(alice, 10)
	_, a := s.createTus(alice, 10)
	a.refused(t, errManyUploads)
	s.put(alice, "", text(1, "x")).refused(t, errManyUploads)
	s.newTus(s.bearer("shop", "carol"), 10)
	_, a = s.createTus(s.bearer("bank", "alice"), 10)
	a.refused(t, errNodeFull)
	u.patch(0, bytes.NewReader(text(10, "x"))).is(t, http.StatusNoContent) // finishes
	s.newTus(alice, 10)
}

func TestDiskGuard(t *testing.T) {
	s := newSite(t, func(o *Options) { o.MinFree = 1000; o.MaxUploads = 100 })
	alice := s.alice()
	r := s.put(alice, "", text(10, "x")).result(t)
	s.free.Store(3000)
	s.skew.Add(int64(2 * diskFresh))
	u := s.newTus(alice, 1500) // promises what is left
	s.put(alice, "", text(600, "x")).refused(t, errDiskFull)
	s.put(alice, "", text(500, "x")).is(t, http.StatusOK)
	s.do("GET", r.Link, nil).is(t, http.StatusOK)
	u.patch(0, bytes.NewReader(text(1500, "x"))).is(t, http.StatusNoContent)

	// Something else fills the disk while an upload runs.
	s.free.Store(1 << 40)
	s.skew.Add(int64(2 * diskFresh))
	big := s.newTus(alice, 3*syncEvery)
	s.free.Store(500)
	s.skew.Add(int64(2 * diskFresh))
	big.patch(0, &zeros{n: 3 * syncEvery}).refused(t, errDiskFull)
	s.free.Store(1 << 40)
	s.skew.Add(int64(2 * diskFresh))
	at := big.offset()
	if at < syncEvery {
		t.Errorf("goes on at %d", at)
	}
	big.patch(at, &zeros{n: 3*syncEvery - at}).is(t, http.StatusNoContent)
	big.result().is(t, http.StatusOK)
}

// zeros is n bytes that are no text.
type zeros struct{ n int }

func (z *zeros) Read(b []byte) (int, error) {
	if z.n == 0 {
		return 0, io.EOF
	}
	n := min(len(b), z.n)
	clear(b[:n])
	z.n -= n
	return n, nil
}

func TestTransfersOfTheNode(t *testing.T) {
	s := newSite(t, func(o *Options) { o.MaxTransfers = 1 })
	alice := s.alice()
	u := s.newTus(alice, 100_000)
	body, sender := io.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = s.try("PATCH", u.url, body, "Authorization", alice, "Tus-Resumable", "1.0.0", "Content-Length", "100000",
			"Content-Type", "application/offset+octet-stream", "Upload-Offset", "0")
	}()
	if _, err := sender.Write(text(50_000, "x")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it runs", func() bool { return s.metric("transfers") == 1 })
	s.put(alice, "", text(10, "x")).refused(t, errNodeFull)
	_ = sender.CloseWithError(fmt.Errorf("enough"))
	<-ended
	eventually(t, "it has ended", func() bool { return s.metric("transfers") == 0 })
	s.put(alice, "", text(10, "x")).is(t, http.StatusOK)
}

func TestOptionsAreChecked(t *testing.T) {
	for name, o := range map[string]Options{
		"public url":  {PublicURL: "im.example.com"},
		"with a path": {PublicURL: "https://im.example.com/x"},
		"negative":    {MaxUploads: -1},
		"short":       {LinkLifetime: time.Millisecond},
		"type":        {Default: Limits{Allow: []string{"png"}}},
		"tenant":      {Tenants: map[string]Limits{"x": {MaxSize: -1}}},
		"thumbnails":  {Thumbnails: []int{5}},
		"many":        {Thumbnails: []int{20, 21, 22, 23, 24, 25, 26, 27, 28}},
		"s3":          {S3: &S3{Endpoint: "s3.example.com"}},
		"s3 keys":     {S3: &S3{Endpoint: "https://s3.example.com", Bucket: "b"}},
	} {
		if err := o.Validate(); err == nil {
			t.Errorf("%s: %+v is taken", name, o)
		}
	}
}
