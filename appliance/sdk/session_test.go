package sdk

import (
	"net"
	"sync"

	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// siteSession is one connection of a site.
type siteSession struct {
	site   *site
	conn   net.Conn
	ch     *secure.Channel
	out    chan []byte // frames, sealed and written by write
	budget int         // frames until the connection is cut; 0 is never

	once sync.Once
	done chan struct{}

	account, device string // under site.mu
}

func (s *siteSession) cut() {
	s.once.Do(func() {
		close(s.done)
		_ = s.conn.Close()
	})
}

// send queues a frame.
func (s *siteSession) send(frame []byte) {
	select {
	case s.out <- frame:
	default:
		s.cut() // a client that reads too slowly
	}
}

func (s *siteSession) run() {
	defer func() {
		s.cut()
		s.site.mu.Lock()
		delete(s.site.sessions, s)
		for _, members := range s.site.rooms.members {
			delete(members, s)
		}
		s.site.mu.Unlock()
	}()
	buf := make([]byte, 0, 1<<20)
	read := func() bool {
		n, err := s.conn.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		return err == nil
	}
	for s.ch == nil {
		if !read() {
			return
		}
		n, reply, ch, err := s.site.key.Accept(buf)
		if len(reply) > 0 {
			if _, err := s.conn.Write(reply); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
		buf = append(buf[:0], buf[n:]...)
		s.ch = ch
	}
	s.site.tasks.Go(s.write)
	var plain []byte
	for {
		record, n, err := s.ch.Open(buf)
		if err != nil {
			s.site.t.Errorf("the client sent a bad record: %v", err)
			return
		}
		if n == 0 {
			if !read() {
				return
			}
			continue
		}
		plain = append(plain, record...)
		buf = append(buf[:0], buf[n:]...)
		for {
			f, n, err := wire.ParseFrame(plain, wire.MaxFrame)
			if err != nil {
				s.site.t.Errorf("the client sent a bad frame: %v", err)
				return
			}
			if n == 0 {
				break
			}
			s.serve(&f)
			plain = append(plain[:0], plain[n:]...)
		}
	}
}

func (s *siteSession) write() {
	for {
		select {
		case frame := <-s.out:
			if _, err := s.conn.Write(s.ch.Seal(nil, frame)); err != nil {
				s.cut()
				return
			}
			if s.budget--; s.budget == 0 {
				s.cut()
				return
			}
		case <-s.done:
			return
		}
	}
}

func (s *siteSession) reply(f *wire.Frame, code wire.Code, body wire.Body) {
	s.send(wire.AppendBody(nil, &wire.Frame{Kind: wire.KindResponse, Serial: f.Serial, Code: code}, body))
}

// serve answers one frame, at once and in order.
func (s *siteSession) serve(f *wire.Frame) {
	s.site.mu.Lock()
	defer s.site.mu.Unlock()
	if s.site.silent {
		return
	}
	if f.Kind == wire.KindPing {
		s.send(wire.AppendFrame(nil, &wire.Frame{Kind: wire.KindPong}))
		return
	}
	payload := f.Payload
	if f.Compression != wire.CompressionNone {
		var err error
		if payload, err = secure.Decompress(nil, payload, f.Compression, wire.MaxFrame); err != nil {
			s.site.t.Errorf("the client sent a payload that cannot be decompressed: %v", err)
			s.cut()
			return
		}
	}
	if s.account == "" && f.Command != wire.CmdLogin {
		s.site.t.Errorf("the client sent %s before it was logged in", f.Command)
		s.cut()
		return
	}
	s.request(f, payload)
}

func (s *siteSession) request(f *wire.Frame, payload []byte) {
	site := s.site
	decode := func(m interface{ UnmarshalVT([]byte) error }) {
		if err := m.UnmarshalVT(payload); err != nil {
			site.t.Errorf("the client sent a malformed %s: %v", f.Command, err)
		}
	}
	failing := map[wire.Command]wire.Code{wire.CmdHistory: site.noHistory, wire.CmdSync: site.noSync}
	if code := failing[f.Command]; code != 0 {
		s.reply(f, code, nil)
		return
	}
	switch f.Command {
	case wire.CmdLogin:
		var r wire.LoginRequest
		decode(&r)
		site.logins++
		switch {
		case site.refused != nil:
			s.reply(f, site.refused.Code, &wire.ErrorBody{Note: site.refused.Note})
		case r.Token != "secret":
			s.reply(f, wire.CodeWrongToken, &wire.ErrorBody{Note: "wrong token"})
		default:
			s.account, s.device = r.Account, r.DeviceId
			s.reply(f, wire.CodeOK, &wire.LoginResponse{SessionId: uint64(site.logins), HeartbeatSeconds: site.heartbeat})
		}
	case wire.CmdSend:
		var r wire.SendRequest
		decode(&r)
		s.sendMessage(f, &r)
	case wire.CmdRecall:
		var r wire.RecallRequest
		decode(&r)
		l := site.log(s.account, r.Peer)
		target := l.messages[r.Seq-1]
		target.Body, target.Recalled = "", true
		m := &wire.Message{From: s.account, To: r.Peer, ClientId: r.ClientId, Type: typeRecall, Body: r.Note, RefSeq: r.Seq, FromDevice: s.device}
		site.add(m, s)
		s.reply(f, wire.CodeOK, &wire.RecallResponse{Seq: m.Seq, Id: m.Id, TimeMs: m.TimeMs})
	case wire.CmdRead:
		var r wire.ReadRequest
		decode(&r)
		l := site.log(s.account, r.Peer)
		l.read[s.account] = max(l.read[s.account], r.Seq)
		site.version++
		l.version = site.version
		site.push(wire.PushRead, &wire.ReadPush{Reader: s.account, Peer: r.Peer, Seq: r.Seq}, s, s.account, r.Peer)
		s.reply(f, wire.CodeOK, nil)
	case wire.CmdSync:
		var r wire.SyncRequest
		decode(&r)
		s.reply(f, wire.CodeOK, site.sync(s.account, r.Version, int(r.Limit)))
	case wire.CmdHistory:
		var r wire.HistoryRequest
		decode(&r)
		s.reply(f, wire.CodeOK, site.history(s.account, &r))
	case wire.CmdAck:
		var r wire.AckRequest
		decode(&r)
		site.acked[s.device] = r.Version
		s.reply(f, wire.CodeOK, nil)
	case wire.CmdEnterRoom, wire.CmdExitRoom, wire.CmdSendRoom:
		s.roomRequest(f, decode)
	case wire.CmdLogout:
		s.reply(f, wire.CodeOK, nil)
	default:
		s.reply(f, wire.CodeBadProtocol, nil)
	}
}

func (s *siteSession) sendMessage(f *wire.Frame, r *wire.SendRequest) {
	site := s.site
	if site.busy > 0 {
		site.busy--
		s.reply(f, wire.CodeBusy, &wire.ErrorBody{Note: "try again", RetryAfterMs: 3000})
		return
	}
	if r.To == "nobody" {
		s.reply(f, wire.CodeNotFound, &wire.ErrorBody{Note: "no such account"})
		return
	}
	name := s.account + "/" + r.ClientId
	if first := site.sent[name]; first != nil {
		s.reply(f, wire.CodeOK, &wire.SendResponse{Seq: first.Seq, Id: first.Id, TimeMs: first.TimeMs, Duplicate: true})
		return
	}
	m := &wire.Message{From: s.account, To: r.To, ClientId: r.ClientId, Type: r.Type, Body: r.Body, Ext: r.Ext, FromDevice: s.device}
	site.add(m, s)
	answer := &wire.SendResponse{Seq: m.Seq, Id: m.Id, TimeMs: m.TimeMs}
	site.sent[name] = answer
	s.reply(f, wire.CodeOK, answer)
}
