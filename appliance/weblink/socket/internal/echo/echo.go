// Package echo behaves as the servers that the published test suites of the
// Engine.IO and Socket.IO protocols expect: what comes is sent back. Tests and the
// binary beside it serve it; it is no part of the appliance.
package echo

import (
	"log/slog"
	"net/http"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
	"github.com/yizhan-im/yizhan/appliance/weblink/socket"
)

// The paths that the suites ask for.
const (
	EnginePath = "/engine.io/"
	SocketPath = "/socket.io/"
)

// Servers are the two servers, one for each suite.
type Servers struct {
	Engine *engine.Server // at EnginePath
	Socket *engine.Server // at SocketPath
}

// New starts both. Close ends them.
func New(logger *slog.Logger, o engine.Options) *Servers {
	return &Servers{
		Engine: engine.NewServer(messages{}, logger, nil, o),
		Socket: engine.NewServer(socket.NewServer(lookup, socket.Options{}), logger, nil, o),
	}
}

// ServeHTTP implements http.Handler.
func (s *Servers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case EnginePath:
		s.Engine.ServeHTTP(w, r)
	case SocketPath:
		s.Socket.ServeHTTP(w, r)
	default:
		http.NotFound(w, r)
	}
}

// Close closes all sessions and waits for them.
func (s *Servers) Close() error {
	err := s.Engine.Close()
	if e := s.Socket.Close(); err == nil {
		err = e
	}
	return err
}

// messages sends each Engine.IO message back.
type messages struct{}

func (messages) Opened(c *engine.Conn) engine.Receiver {
	c.Established()
	return message{c}
}

type message struct{ conn *engine.Conn }

func (m message) Message(data []byte, binary bool) error {
	m.conn.Send(engine.Message(data, binary))
	return nil
}

func (message) Closed(engine.Reason) {}

// lookup knows the namespaces of the Socket.IO suite.
func lookup(name string) socket.Namespace {
	if name == "/" || name == "/custom" {
		return everyone{}
	}
	return nil
}

// everyone lets all clients join and tells them the auth that they sent.
type everyone struct{}

func (everyone) Connect(s *socket.Socket, auth []byte) socket.Receiver {
	if auth == nil {
		auth = []byte("{}")
	}
	s.Accept(nil)
	s.Emit(socket.EncodeEvent(s.Namespace(), "auth", auth))
	return events{s}
}

// events sends events back, under another name or as an answer.
type events struct{ socket *socket.Socket }

func (r events) Event(e *socket.Event) error {
	switch e.Name {
	case "message":
		r.back(e)
	case "message-with-ack":
		if e.HasID {
			r.socket.Ack(e.ID, e.Args, e.Attachments...)
		}
	}
	return nil
}

func (r events) back(e *socket.Event) {
	const name = "message-back"
	var args [][]byte
	if list := e.Args[1 : len(e.Args)-1]; len(list) > 0 {
		args = append(args, list) // several values with the commas between them
	}
	if len(e.Attachments) == 0 {
		r.socket.Emit(socket.EncodeEvent(r.socket.Namespace(), name, args...))
		return
	}
	r.socket.Emit(socket.EncodeBinaryEvent(r.socket.Namespace(), name, e.Attachments, args...)...)
}

func (events) Acked(uint64, []byte)       {}
func (events) Disconnected(engine.Reason) {}
