package interop_test

import (
	"encoding/json"
	"sync"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
	"github.com/yizhan-im/yizhan/appliance/weblink/socket"
)

// echo is a Socket.IO application that sends back what it gets and remembers what
// it is told, over the connections of a client.
//
//	/, /custom  let everyone in
//	/late       answers CONNECT when Connect has returned
//	/private    wants auth.token
type echo struct {
	mu       sync.Mutex
	journals map[string]*journal // by auth.client

	late sync.WaitGroup // answers of /late under way
}

// journal is what happened to one client, which names itself in auth.client.
type journal struct {
	Joins int      `json:"joins"` // how often it has joined a namespace
	Ends  []string `json:"ends"`  // why it left them
	Notes []int    `json:"notes"` // what its "note" events said
}

// privateToken lets clients into /private, refusalData is what others get.
const (
	privateToken = "secret"
	refusalData  = `{"code":302,"note":"wrong token · 口令错误","more":{"list":[1,"two",null]}}`
)

func newEcho() *echo { return &echo{journals: map[string]*journal{}} }

func (e *echo) server() *socket.Server { return socket.NewServer(e.lookup, socket.Options{}) }

func (e *echo) lookup(name string) socket.Namespace {
	switch name {
	case "/", "/custom", "/late", "/private":
		return e
	}
	return nil
}

// credentials are the members of auth that echo knows.
type credentials struct {
	Client string `json:"client"`
	Token  string `json:"token"`
}

// Connect implements socket.Namespace.
func (e *echo) Connect(s *socket.Socket, auth []byte) socket.Receiver {
	var c credentials
	if auth != nil && json.Unmarshal(auth, &c) != nil {
		s.Refuse("auth is malformed", nil)
		return nil
	}
	r := &echoing{echo: e, socket: s, client: c.Client}
	switch s.Namespace() {
	case "/private":
		if c.Token != privateToken {
			s.Refuse("not authorized", []byte(refusalData))
			return nil
		}
	case "/late":
		kept := append([]byte(nil), auth...)
		e.late.Go(func() { r.join(kept) })
		return r
	}
	r.join(auth)
	return r
}

// at gives f the journal of a client.
func (e *echo) at(client string, f func(*journal)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	j := e.journals[client]
	if j == nil {
		j = &journal{Ends: []string{}, Notes: []int{}}
		e.journals[client] = j
	}
	f(j)
}

// echoing is one client in one namespace.
type echoing struct {
	echo    *echo
	socket  *socket.Socket
	client  string
	nextAsk uint64
}

func (r *echoing) join(auth []byte) {
	r.echo.at(r.client, func(j *journal) { j.Joins++ })
	r.socket.Accept([]byte(`"pid":"no recovery"`)) // further members do not disturb clients
	if len(auth) > 0 {
		r.emit("auth", auth)
	}
}

// Event implements socket.Receiver.
func (r *echoing) Event(e *socket.Event) error {
	switch e.Name {
	case "message":
		r.back("message-back", e)
	case "message-with-ack":
		if e.HasID {
			r.socket.Ack(e.ID, e.Args, e.Attachments...)
		}
	case "silence": // is never answered
	case "ask": // to be asked the same
		r.nextAsk++
		r.socket.Emit(socket.EncodeRequest(r.socket.Namespace(), r.nextAsk, "question", values(e.Args)...))
	case "note":
		var n [1]int
		if err := json.Unmarshal(e.Args, &n); err != nil {
			return err
		}
		r.echo.at(r.client, func(j *journal) { j.Notes = append(j.Notes, n[0]) })
		if e.HasID {
			r.socket.Ack(e.ID, []byte("[]"))
		}
	case "journal":
		r.echo.at(r.client, func(j *journal) {
			b, err := json.Marshal([]*journal{j})
			if err != nil {
				panic(err) // numbers and texts
			}
			r.socket.Ack(e.ID, b)
		})
	case "leave":
		r.socket.Disconnect(false)
	case "leave-all":
		r.socket.Disconnect(true)
	}
	return nil
}

// back sends the arguments of e under another name.
func (r *echoing) back(name string, e *socket.Event) {
	if len(e.Attachments) == 0 {
		r.emit(name, values(e.Args)...)
		return
	}
	r.socket.Emit(socket.EncodeBinaryEvent(r.socket.Namespace(), name, e.Attachments, values(e.Args)...)...)
}

func (r *echoing) emit(name string, args ...[]byte) {
	encode := socket.EncodeEvent
	if r.socket.Conn().Deflate() {
		encode = socket.EncodeDeflatedEvent
	}
	r.socket.Emit(encode(r.socket.Namespace(), name, args...))
}

// values are the elements of a JSON array, as one argument: the commas between
// them stay.
func values(array []byte) [][]byte {
	if len(array) <= 2 {
		return nil
	}
	return [][]byte{array[1 : len(array)-1]}
}

// Acked implements socket.Receiver: it tells what the answer to "question" was.
func (r *echoing) Acked(id uint64, args []byte) {
	if id == r.nextAsk {
		r.emit("answered", values(args)...)
	}
}

// Disconnected implements socket.Receiver.
func (r *echoing) Disconnected(reason engine.Reason) {
	r.echo.at(r.client, func(j *journal) { j.Ends = append(j.Ends, reason.String()) })
}
