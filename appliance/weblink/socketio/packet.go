package socketio

// Revision is the protocol revision.
const Revision = 5

// PacketType says what a packet is. On the wire it is one ASCII digit. Changing
// a number breaks compatibility.
type PacketType uint8

// The packet types.
const (
	Connect      PacketType = 0 // client: join a namespace; server: joined
	Disconnect   PacketType = 1 // either: leave a namespace
	Event        PacketType = 2 // either: a name and arguments
	Ack          PacketType = 3 // either: the answer to an event with an id
	ConnectError PacketType = 4 // server: joining is refused
	BinaryEvent  PacketType = 5 // an Event with attachments
	BinaryAck    PacketType = 6 // an Ack with attachments
)

const lastType = BinaryAck

// binary says whether a packet of the type announces attachments.
func (t PacketType) binary() bool { return t == BinaryEvent || t == BinaryAck }

// MaxID is the largest acknowledgment id: clients keep it in a JavaScript
// number, which is exact up to here.
const MaxID = 1<<53 - 1

// NoID, given to an encoder, leaves the id out.
const NoID = ^uint64(0)

// MainNamespace is the namespace that the wire leaves out.
const MainNamespace = "/"

// Packet is one Socket.IO packet, complete with its attachments. All of it but
// the strings is valid as long as the input of the Decode call that returned it.
type Packet struct {
	Type      PacketType
	HasID     bool
	ID        uint64 // at most MaxID
	Namespace string // begins with "/"; without the query part
	// Query is what followed "?" in the namespace, as it came. Clients of this
	// revision send none.
	Query string
	// Data is the payload: a JSON object or nil for Connect, a JSON array for
	// events and acks, else nil.
	Data []byte
	// Attachments are what the placeholders in Data stand for, by number. A
	// packet without attachments may contain things that look like placeholders.
	Attachments [][]byte
}

// The defaults of Limits.
const (
	DefaultMaxBytes       = 1_000_000
	DefaultMaxAttachments = 10
	DefaultMaxNamespace   = 256
	DefaultMaxDepth       = 64
)

// attachmentsCeiling is how many attachments the check of placeholders can tell
// apart: the bits of a word.
const attachmentsCeiling = 64

// Limits bound what one client may send as one packet. Zero and negative fields
// take the defaults.
type Limits struct {
	// MaxBytes is the largest packet in bytes: its text and all attachments
	// together. So much may be held while attachments are awaited.
	MaxBytes int
	// MaxAttachments is the largest number of attachments. The default is that
	// of the reference parser; more than 64 are never taken.
	MaxAttachments int
	// MaxNamespace is the longest namespace with its query part, in bytes.
	MaxNamespace int
	// MaxDepth is how deep arrays and objects may be nested. An event's own array
	// is the first level.
	MaxDepth int
}

// WithDefaults is l with the defaults filled in and the ceilings applied. The
// decoder takes limits as this returns them.
func (l Limits) WithDefaults() Limits {
	fill := func(v *int, def int) {
		if *v <= 0 {
			*v = def
		}
	}
	fill(&l.MaxBytes, DefaultMaxBytes)
	fill(&l.MaxAttachments, DefaultMaxAttachments)
	fill(&l.MaxNamespace, DefaultMaxNamespace)
	fill(&l.MaxDepth, DefaultMaxDepth)
	l.MaxAttachments = min(l.MaxAttachments, attachmentsCeiling)
	return l
}
