package socket

import (
	"errors"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
	"github.com/yizhan-im/yizhan/appliance/weblink/socketio"
)

// The errors with which a session is closed, besides those of package socketio
// and of Receiver.Event.
var (
	// ErrNotConnected is returned for a packet of a namespace that the client has
	// not joined, or has left.
	ErrNotConnected = errors.New("socket: packet for a namespace that is not connected; send CONNECT and wait for the answer")
	// ErrConnected is returned for a CONNECT to a namespace that the client has
	// joined already, or whose answer is still due.
	ErrConnected = errors.New("socket: namespace is connected already")
	// ErrRefused is returned when a client keeps sending CONNECTs for namespaces
	// that do not exist, or for too many.
	ErrRefused = errors.New("socket: too many CONNECTs that had to be refused")
)

// What clients read in a CONNECT_ERROR. The first is the reference's.
const (
	invalidNamespace  = "Invalid namespace"
	tooManyNamespaces = "Too many namespaces"
)

// DefaultMaxNamespaces is the default of Options.MaxNamespaces.
const DefaultMaxNamespaces = 8

// Options limit what one client may cost. Zero and negative fields take defaults.
type Options struct {
	// Packets are the limits of one packet. The engine bounds each message by its
	// MaxPayload; Packets.MaxBytes bounds a packet with all its attachments and
	// should not be less.
	Packets socketio.Limits
	// MaxNamespaces is how many namespaces one client may have joined or be about
	// to join. One more is refused with CONNECT_ERROR.
	MaxNamespaces int
}

// Namespace decides who joins.
type Namespace interface {
	// Connect says that a client wants to join. Socket.Accept or Socket.Refuse
	// answers it, before Connect returns or later. auth is the JSON object of the
	// CONNECT packet, nil when there is none, and valid during the call.
	//
	// The Receiver gets the socket's events from the Accept on. Without one (nil)
	// they are dropped. Connect must not block: it runs where the client's
	// messages are received.
	Connect(s *Socket, auth []byte) Receiver
}

// Receiver gets what one client sends to one namespace. Its methods are not
// called at the same time, with one exception: see Disconnected.
type Receiver interface {
	// Event is an event, in the order of the client's sending. e is valid during
	// the call. An error closes the whole session, as a protocol error.
	Event(e *Event) error

	// Acked is the client's answer to an event that was sent with an id, of which
	// it may send any. args is a JSON array, valid during the call. Binary
	// attachments of an answer are dropped: args has their placeholders.
	Acked(id uint64, args []byte)

	// Disconnected is called exactly once for each Receiver, after the last Event
	// and Acked have returned. A socket that was never accepted gets it, too: when
	// its session ends, or at the latest with the client's next packet when it
	// was refused. Socket.Disconnect may call it, from any goroutine.
	//
	// reason is ReasonClient when the client left the namespace, ReasonServer
	// after Disconnect and Refuse, and else why the session ended.
	Disconnected(reason engine.Reason)
}

// Event is an event that a client has sent. All of it but the name is valid
// during Receiver.Event.
type Event struct {
	Name        string
	Args        []byte   // JSON array of the arguments, without the name
	Attachments [][]byte // what placeholders in Args stand for, by number
	HasID       bool     // the client waits for Socket.Ack
	ID          uint64   // at most socketio.MaxID
}

// Server makes sockets of the sessions of an engine.
type Server struct {
	lookup        func(namespace string) Namespace
	limits        socketio.Limits
	maxNamespaces int
}

var _ engine.Handler = (*Server)(nil)

// NewServer makes a server with the namespaces that lookup finds. lookup returns
// nil for those that do not exist; it is called by many goroutines.
func NewServer(lookup func(namespace string) Namespace, o Options) *Server {
	if o.MaxNamespaces <= 0 {
		o.MaxNamespaces = DefaultMaxNamespaces
	}
	return &Server{lookup: lookup, limits: o.Packets.WithDefaults(), maxNamespaces: o.MaxNamespaces}
}

// Opened implements engine.Handler.
func (s *Server) Opened(c *engine.Conn) engine.Receiver {
	return &session{server: s, conn: c}
}
