package socketio

import "errors"

// Errors of the decoder. Each is the sender's fault, and the protocol's answer
// to each is to close the session.
var (
	// ErrEmptyPacket is returned when a text message holds nothing.
	ErrEmptyPacket = errors.New("socketio: empty packet; a packet starts with its type")
	// ErrUnknownType is returned when a packet's type is none of 0 to 6.
	ErrUnknownType = errors.New("socketio: unknown packet type; use 0 to 6")
	// ErrServerOnly is returned for a ConnectError, which clients do not send.
	ErrServerOnly = errors.New("socketio: only a server sends connect errors")
	// ErrInvalidUTF8 is returned when a text message is not UTF-8.
	ErrInvalidUTF8 = errors.New("socketio: text is not UTF-8; send it as an attachment")
	// ErrTooLarge is returned when a packet and its attachments are together
	// longer than Limits.MaxBytes.
	ErrTooLarge = errors.New("socketio: packet and attachments are too large; send less at once")
	// ErrBadNamespace is returned when a namespace is longer than
	// Limits.MaxNamespace or contains control characters.
	ErrBadNamespace = errors.New("socketio: namespace is too long or contains control characters")
	// ErrBadID is returned when an id is larger than MaxID, when an ack has
	// none, or when a packet has one that is neither event nor ack.
	ErrBadID = errors.New("socketio: bad acknowledgment id; events may have one and acks must, up to 2^53-1")
	// ErrBadPayload is returned when the payload is not what the packet's type
	// asks for: an object or nothing (Connect), nothing (Disconnect), an array
	// (events and acks).
	ErrBadPayload = errors.New("socketio: payload does not fit the packet type")
	// ErrBadJSON is returned when a payload is not JSON (RFC 8259).
	ErrBadJSON = errors.New("socketio: payload is not JSON")
	// ErrTooDeep is returned when arrays and objects are nested deeper than
	// Limits.MaxDepth.
	ErrTooDeep = errors.New("socketio: payload is nested too deep")
	// ErrBadEventName is returned when an event's array does not begin with a
	// string or number, or when the name is reserved.
	ErrBadEventName = errors.New("socketio: an event starts with its name, a string that is not reserved")
	// ErrBadAttachments is returned when a binary packet does not announce its
	// attachments as "<number>-".
	ErrBadAttachments = errors.New("socketio: a binary packet announces its attachments as <number>-")
	// ErrTooManyAttachments is returned when a packet announces more attachments
	// than Limits.MaxAttachments.
	ErrTooManyAttachments = errors.New("socketio: too many attachments; spread them over several events")
	// ErrBadPlaceholder is returned when the placeholders of a binary packet do
	// not name each of its attachments exactly once.
	ErrBadPlaceholder = errors.New("socketio: placeholders must number each attachment once, from 0")
	// ErrUnexpectedBinary is returned when a binary message comes though no
	// packet waits for attachments.
	ErrUnexpectedBinary = errors.New("socketio: binary message without a packet that announces it")
	// ErrAttachmentExpected is returned when a text message comes though a packet
	// waits for attachments.
	ErrAttachmentExpected = errors.New("socketio: text message where an attachment is due")
)
