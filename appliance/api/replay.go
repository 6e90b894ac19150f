package api

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"sync"
	"time"
)

// maxRemembered is how many requests each of the two generations of a
// replayGuard holds: some 20 MB in all. A node that serves up to 200 requests a
// second remembers each for the whole rememberFor.
const maxRemembered = 256 << 10

// rememberFor is how long a request is remembered at least: credentials of a
// clock that is five minutes fast are valid for ten.
const rememberFor = 2 * maxSkew

// requestKey is a hash that identifies a request.
type requestKey [16]byte

// String is the key in hexadecimal.
func (k requestKey) String() string { return hex.EncodeToString(k[:]) }

// keys are the two ways in which a request may be known already; byID is the
// zero key for a request without RequestId.
type keys struct{ byContent, byID requestKey }

// requestKeys hashes what makes a request the same. A Nonce alone does not:
// many backends, Yunxin's own examples among them, use a constant one.
func requestKeys(c *caller, action, id, body string) keys {
	var tenant [4]byte
	binary.BigEndian.PutUint32(tenant[:], c.tenant.ID)
	k := keys{byContent: hash("content", string(tenant[:]), action, c.nonce, c.curTime, body)}
	if id != "" {
		k.byID = hash("id", string(tenant[:]), action, id)
	}
	return k
}

// clientID names the messages that this request sends. A request that is
// repeated after an uncertain outcome gets the same, so that it is sent once.
func (k keys) clientID() string {
	if k.byID != (requestKey{}) {
		return k.byID.String()
	}
	return k.byContent.String()
}

// hash of parts, each preceded by its length, so that no two lists of parts
// look the same.
func hash(parts ...string) requestKey {
	h := sha256.New()
	for _, part := range parts {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		h.Write(length[:])
		h.Write([]byte(part))
	}
	return requestKey(h.Sum(nil)[:16])
}

// replayGuard remembers requests, so that one is served once. It holds two
// generations; a new one begins when the current is as old as rememberFor, or
// full. The second cuts the time that requests are remembered, which is better
// than refusing to serve: onCut tells of it.
//
// The memory is this node's alone and does not outlive it. What a replay could
// repeat then is bounded by CurTime, and for messages by their client id, which
// the state machine remembers for a week.
type replayGuard struct {
	max   int
	onCut func()

	mu                sync.Mutex
	current, previous map[requestKey]struct{}
	began             time.Time // of the current generation
}

func newReplayGuard(max int, onCut func()) *replayGuard {
	return &replayGuard{max: max, onCut: onCut, current: map[requestKey]struct{}{}}
}

// claim reports whether the request is new, and remembers it.
func (g *replayGuard) claim(k keys, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turn(now)
	if g.knows(k.byContent) || (k.byID != requestKey{} && g.knows(k.byID)) {
		return false
	}
	g.current[k.byContent] = struct{}{}
	if k.byID != (requestKey{}) {
		g.current[k.byID] = struct{}{}
	}
	return true
}

// release forgets a request that was not served, so that it may be repeated.
func (g *replayGuard) release(k keys) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, generation := range []map[requestKey]struct{}{g.current, g.previous} {
		delete(generation, k.byContent)
		delete(generation, k.byID)
	}
}

func (g *replayGuard) knows(k requestKey) bool {
	_, current := g.current[k]
	_, previous := g.previous[k]
	return current || previous
}

// turn begins a new generation when it is time.
func (g *replayGuard) turn(now time.Time) {
	old, full := now.Sub(g.began) >= rememberFor, len(g.current)+2 > g.max
	if !old && !full {
		return
	}
	if full && !old && len(g.previous) > 0 {
		g.onCut()
	}
	g.previous, g.current, g.began = g.current, make(map[requestKey]struct{}), now
}
