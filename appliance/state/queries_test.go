package state

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

func TestNothingThereIsNotFoundOrEmpty(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a", "b")
	long := strings.Repeat("a", 257) // its length byte is that of "a"
	for _, account := range []string{"x", "", long} {
		if _, err := n.q.Account(tenant, account); wire.CodeOf(err) != wire.CodeNotFound {
			t.Errorf("account %.10q: %v", account, err)
		}
		if _, err := n.q.MessageByID(tenant, account, "b", 1); wire.CodeOf(err) != wire.CodeNotFound {
			t.Errorf("message of %.10q: %v", account, err)
		}
		if h, err := n.q.History(tenant, account, &wire.HistoryRequest{Peer: "b"}); err != nil || len(h.Messages) != 0 || h.More {
			t.Errorf("history of %.10q: %v %v", account, h, err)
		}
		if m, err := n.q.HistoryByTime(tenant, account, "b", 0, testTime, 0, false, nil); err != nil || len(m) != 0 {
			t.Errorf("history by time of %.10q: %v %v", account, m, err)
		}
		if version, err := n.q.DeviceVersion(tenant, account, "phone"); err != nil || version != 0 {
			t.Errorf("device of %.10q: %d %v", account, version, err)
		}
		if s, err := n.q.Sync(tenant, account, 0, 0); err == nil && len(s.Conversations) != 0 {
			t.Errorf("sync of %.10q: %v", account, s)
		}
	}
	for _, appKey := range []string{"x", ""} {
		if _, err := n.q.TenantByKey(appKey); wire.CodeOf(err) != wire.CodeNotFound {
			t.Errorf("tenant %q: %v", appKey, err)
		}
	}
	if _, err := n.q.Profiles(tenant, make([]string, MaxProfiles+1)); wire.CodeOf(err) != wire.CodeCountLimit {
		t.Errorf("too many profiles: %v", err)
	}
	if _, err := n.q.History(tenant, "a", &wire.HistoryRequest{Peer: "b", FromSeq: 2, ToSeq: 1}); wire.CodeOf(err) != wire.CodeBadParameter {
		t.Errorf("range the wrong way round: %v", err)
	}
	if _, err := n.q.History(tenant, "a", &wire.HistoryRequest{Scene: wire.Scene_SCENE_TEAM}); wire.CodeOf(err) != wire.CodeBadParameter {
		t.Errorf("team: %v", err)
	}
}

// TestPagesFitAFrame: large messages make a page shorter, never too long, and
// paging still meets every message.
func TestPagesFitAFrame(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a", "b")
	body := strings.Repeat("x", 60_000)
	const messages = 40
	for i := range messages {
		one[*SendResult](n, text(testTime, tenant, "a", "b", fmt.Sprint(i), body))
	}
	next := uint64(1)
	for pages := 0; next <= messages; pages++ {
		h, err := n.q.History(tenant, "a", &wire.HistoryRequest{Peer: "b", FromSeq: next})
		if err != nil || len(h.Messages) == 0 {
			t.Fatalf("page %d: %d messages, %v", pages, len(h.Messages), err)
		}
		if size := h.SizeVT() + wire.MaxFrameHeader; size > wire.MaxFrame {
			t.Errorf("page %d has %d bytes", pages, size)
		}
		for _, m := range h.Messages {
			if m.Seq != next {
				t.Fatalf("seq %d, want %d", m.Seq, next)
			}
			next++
		}
		if h.More != (next <= messages) {
			t.Errorf("page %d: more = %v at seq %d", pages, h.More, next)
		}
	}
	h, err := n.q.History(tenant, "a", &wire.HistoryRequest{Peer: "b"})
	if err != nil || !h.More || h.Messages[len(h.Messages)-1].Seq != messages {
		t.Errorf("newest page: more %v, %v", h.More, err)
	}
}

// TestRareTypesAreNotSearchedForever: filtering by type looks at a bounded number
// of messages, and says so rather than answer too little.
func TestRareTypesAreNotSearchedForever(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a", "b")
	var batch []command
	for i := range MaxTypeScan + 50 {
		s := text(testTime+int64(i), tenant, "a", "b", fmt.Sprint(i), "")
		if i < 3 {
			s.Message.Type = 100
		}
		if batch = append(batch, s); len(batch) == 2000 {
			n.apply(batch...)
			batch = batch[:0]
		}
	}
	n.apply(batch...)
	byType := func(begin int64, limit int) ([]*wire.Message, error) {
		return n.q.HistoryByTime(tenant, "a", "b", begin, testTime*2, limit, false, []uint32{100})
	}
	if m, err := byType(testTime, 3); err != nil || len(m) != 3 {
		t.Errorf("a page that fills: %d messages, %v", len(m), err)
	}
	if _, err := byType(testTime, 4); wire.CodeOf(err) != wire.CodeCountLimit {
		t.Errorf("a page that does not fill: %v", err)
	}
	if m, err := byType(testTime+100, 4); err != nil || len(m) != 0 {
		t.Errorf("less time: %d messages, %v", len(m), err)
	}
}

// TestSyncMissesNothingWhileThingsChange: a client that pages while messages
// arrive ends up knowing the newest seq of every conversation.
func TestSyncMissesNothingWhileThingsChange(t *testing.T) {
	n := newNode(t)
	const peers, rounds = 8, 30
	names := []string{"m"}
	for i := range peers { // smaller and larger than "m"
		names = append(names, string(rune('i'+i))+"x")
	}
	tenant := n.setup("app", names...)
	var writer sync.WaitGroup
	writer.Go(func() {
		for i := range rounds {
			for _, peer := range names[1:] {
				n.apply(text(testTime, tenant, peer, "m", fmt.Sprint(i), ""))
			}
		}
	})
	known := map[string]uint64{}
	version := uint64(0)
	round := func() (more bool) {
		s, err := n.q.Sync(tenant, "m", version, 3)
		if err != nil {
			t.Fatal(err)
		}
		if s.Version < version {
			t.Fatalf("version went from %d to %d", version, s.Version)
		}
		for _, c := range s.Conversations {
			known[c.Peer] = max(known[c.Peer], c.LastSeq)
		}
		version = s.Version
		return s.More
	}
	done := make(chan struct{})
	go func() {
		writer.Wait()
		close(done)
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
			round()
		}
	}
	for round() {
	}
	for _, peer := range names[1:] {
		if known[peer] != rounds {
			t.Errorf("%s: knows seq %d of %d", peer, known[peer], rounds)
		}
	}
	if s, err := n.q.Sync(tenant, "m", version+1000, 0); err != nil || len(s.Conversations) != 0 || s.Version != version {
		t.Errorf("sync from the future: %v %v, want version %d", s, err, version)
	}
}

// TestCacheIsBounded: rows leave it, and what they said is read again.
func TestCacheIsBounded(t *testing.T) {
	c := newConvCache(10)
	for i := range 1000 {
		c.put(fmt.Append(nil, i), &convRow{id: uint64(i)})
		if c.get([]byte("0")) == nil {
			t.Fatal("a row in use was dropped")
		}
		if len(c.hot)+len(c.old) > 20 {
			t.Fatalf("%d rows are kept", len(c.hot)+len(c.old))
		}
	}
	if c.get([]byte("1")) != nil {
		t.Error("a row out of use is still there")
	}
}
