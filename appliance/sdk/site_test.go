package sdk

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// site is a small server that speaks the real protocol over in-memory
// connections and misbehaves on demand, in ways that a real node never would.
// It works inside synctest, with fake time.
type site struct {
	t   testing.TB
	key *secure.ServerKey

	tasks sync.WaitGroup

	mu       sync.Mutex
	version  uint64
	logs     map[pair]*siteLog
	sent     map[string]*wire.SendResponse // by sender and client id
	sessions map[*siteSession]bool
	logins   int
	acked    map[string]uint64 // by device

	// What LBS answers; nil means that it is down.
	lbs      *lbsAnswer
	lbsAsked int
	// Refused answers every login.
	refused *wire.Error
	// busy is how many more sends are answered with 503.
	busy int
	// blackhole and closed are addresses that swallow and refuse connections.
	blackhole, closed map[string]bool
	dialled           []string
	// silent makes the site read without ever answering.
	silent bool
	// onPush may return other frames in place of a push.
	onPush func(push []byte) [][]byte
	// budget says after how many frames a new connection is cut; 0 is never.
	budget func() int
	// noHistory and noSync are the answers to these requests, if not 0.
	noHistory, noSync wire.Code
	heartbeat         uint32 // seconds, for new logins
	rooms             siteRooms
	// pruned drops the messages up to this seq from history.
	pruned uint64
}

type pair struct{ a, b string }

func pairOf(x, y string) pair { return pair{min(x, y), max(x, y)} }

// siteLog is one conversation.
type siteLog struct {
	messages []*wire.Message
	read     map[string]uint64
	version  uint64
}

func newSite(t testing.TB) *site {
	key, err := secure.NewServerKey()
	if err != nil {
		t.Fatal(err)
	}
	return &site{
		t: t, key: key, heartbeat: 30,
		logs: map[pair]*siteLog{}, sent: map[string]*wire.SendResponse{},
		sessions: map[*siteSession]bool{}, acked: map[string]uint64{},
		blackhole: map[string]bool{}, closed: map[string]bool{},
		rooms: siteRooms{members: map[string]map[*siteSession]bool{}},
		lbs: &lbsAnswer{
			Code: wire.CodeOK, LinkKey: secure.EncodePublicKey(key.Public()), TTL: 300,
			AccessPoints: []accessPoint{{Transport: "link", Address: "ap1:7400"}},
		},
	}
}

// close cuts every connection and waits for the site's goroutines.
func (s *site) close() {
	s.cutAll()
	s.tasks.Wait()
}

func (s *site) cutAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for session := range s.sessions {
		session.cut()
	}
}

// change does f while nothing else happens on the site.
func (s *site) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// RoundTrip makes the site's LBS an http.RoundTripper.
func (s *site) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lbsAsked++
	if s.lbs == nil {
		return nil, errors.New("LBS is down")
	}
	w := httptest.NewRecorder()
	if s.lbs.Code != wire.CodeOK {
		w.WriteHeader(int(s.lbs.Code))
	}
	if err := json.NewEncoder(w).Encode(s.lbs); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

// dial is Options.Dial.
func (s *site) dial(ctx context.Context, _, address string) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dialled = append(s.dialled, address)
	switch {
	case s.closed[address]:
		return nil, errors.New("connection refused")
	case s.blackhole[address]:
		s.mu.Unlock()
		<-ctx.Done()
		s.mu.Lock()
		return nil, ctx.Err()
	}
	near, far := net.Pipe()
	session := &siteSession{site: s, conn: far, out: make(chan []byte, 8192), done: make(chan struct{})}
	if s.budget != nil {
		session.budget = s.budget()
	}
	s.sessions[session] = true
	s.tasks.Go(session.run)
	return near, nil
}

// options are those of account on one device of this site.
func (s *site) options(account string, store Store) Options {
	return Options{
		LBS: "http://lbs/lbs", AppKey: "app", Account: account, Token: "secret", DeviceID: account + "-phone",
		Store: store, Dial: s.dial, HTTP: &http.Client{Transport: s},
	}
}

// log is the conversation of two accounts.
func (s *site) log(x, y string) *siteLog {
	l := s.logs[pairOf(x, y)]
	if l == nil {
		l = &siteLog{read: map[string]uint64{}}
		s.logs[pairOf(x, y)] = l
	}
	return l
}

// add appends m to its conversation and pushes it to everyone but from.
func (s *site) add(m *wire.Message, from *siteSession) {
	l := s.log(m.From, m.To)
	s.version++
	l.version = s.version
	m.Seq, m.Id, m.TimeMs = uint64(len(l.messages)+1), s.version, 1_790_000_000_000+int64(s.version)
	l.messages = append(l.messages, m)
	s.push(wire.PushMessage, &wire.MessagePush{Message: m}, from, m.From, m.To)
}

// post is a message that comes from elsewhere, such as the HTTP API.
func (s *site) post(from, to, body string) {
	s.change(func() { s.add(&wire.Message{From: from, To: to, Body: body, ClientId: newID()}, nil) })
}

// push tells all sessions of accounts but one.
func (s *site) push(cmd wire.Command, body wire.Body, but *siteSession, accounts ...string) {
	frame := wire.AppendBody(nil, &wire.Frame{Kind: wire.KindPush, Command: cmd}, body)
	for session := range s.sessions {
		if session == but || !slices.Contains(accounts, session.account) {
			continue
		}
		frames := [][]byte{frame}
		if s.onPush != nil && cmd == wire.PushMessage {
			frames = s.onPush(frame)
		}
		for _, f := range frames {
			session.send(f)
		}
	}
}

// tell pushes to all sessions, whatever their account.
func (s *site) tell(cmd wire.Command, body wire.Body) {
	s.change(func() {
		for session := range s.sessions {
			session.send(wire.AppendBody(nil, &wire.Frame{Kind: wire.KindPush, Command: cmd}, body))
		}
	})
}

func (s *site) sync(account string, version uint64, limit int) *wire.SyncResponse {
	var all []*wire.ConversationState
	for p, l := range s.logs {
		peer := p.a
		if p.a == account {
			peer = p.b
		} else if p.b != account {
			continue
		}
		if l.version > version {
			all = append(all, &wire.ConversationState{
				Peer: peer, LastSeq: uint64(len(l.messages)), ReadSeq: l.read[account], PeerReadSeq: l.read[peer], Version: l.version,
			})
		}
	}
	slices.SortFunc(all, func(x, y *wire.ConversationState) int { return cmp.Compare(x.Version, y.Version) })
	answer := &wire.SyncResponse{Conversations: all, Version: s.version}
	if len(all) > limit {
		answer.Conversations, answer.More = all[:limit], true
		answer.Version = all[limit-1].Version
	}
	return answer
}

func (s *site) history(account string, r *wire.HistoryRequest) *wire.HistoryResponse {
	answer := new(wire.HistoryResponse)
	messages := s.log(account, r.Peer).messages
	from, to := max(r.FromSeq, 1), uint64(len(messages))
	if r.ToSeq > 0 {
		to = min(to, r.ToSeq)
	} else if n := uint64(r.Limit); r.FromSeq == 0 && to > n {
		from = to - n + 1
	}
	for seq := max(from, s.pruned+1); seq <= to && len(answer.Messages) < int(r.Limit); seq++ {
		answer.Messages = append(answer.Messages, messages[seq-1])
	}
	return answer
}
