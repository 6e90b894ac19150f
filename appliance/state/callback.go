package state

import "encoding/binary"

// CallbackEvents is a set of operations before which a tenant's backend is asked.
// The values are stored: changing one breaks compatibility.
type CallbackEvents uint32

// The operations.
const (
	CallbackLogin       CallbackEvents = 1 << iota // a device logs in
	CallbackMessage                                // an account sends to another one
	CallbackTeamMessage                            // an account sends to a team
	CallbackTeam                                   // a team is changed
	CallbackRecall                                 // a message is taken back
	CallbackFriend                                 // an account becomes another one's friend, asks to, or ends it
	CallbackProfile                                // an account changes its profile
	CallbackRoom                                   // a member of a room sends to it
	CallbackRoomEntry                              // an account enters a room
)

// Callback says whether and how a tenant's backend is asked before operations of
// its users. The zero value asks nothing.
type Callback struct {
	// URL is where to ask. This package stores any text up to maxCallbackURL
	// bytes; package app says what it accepts. Empty: there is no callback, and
	// the other fields are zero.
	URL string
	// Events are the operations before which it is asked.
	Events CallbackEvents
	// FailClosed refuses an operation when the backend does not answer;
	// otherwise it is allowed then.
	FailClosed bool
	// TimeoutMs is how long an answer may take, 0 for DefaultCallbackTimeoutMs.
	TimeoutMs int
}

const (
	// DefaultCallbackTimeoutMs is Yunxin's (facts/yunxin-api.md §9).
	DefaultCallbackTimeoutMs = 2000
	// MaxCallbackTimeoutMs leaves a login, which may wait half as long for its turn,
	// the rest of a gateway's login timeout of 10 s.
	MaxCallbackTimeoutMs = 5000

	maxCallbackURL = 1024
)

func (c *Callback) valid() bool {
	return validText(c.URL, maxCallbackURL) && c.TimeoutMs >= 0 && c.TimeoutMs <= MaxCallbackTimeoutMs
}

func (c *Callback) append(dst []byte) []byte {
	dst = appendString(dst, c.URL)
	dst = binary.AppendUvarint(dst, uint64(c.Events))
	dst = appendBool(dst, c.FailClosed)
	return binary.AppendUvarint(dst, uint64(c.TimeoutMs)) // a negative one is refused by Apply
}

func (c *Callback) decode(r *reader) {
	c.URL, c.Events, c.FailClosed = r.string(), CallbackEvents(r.u32()), r.bool()
	c.TimeoutMs = int(r.uint()) // may be negative here; valid refuses that
}

// SetCallback replaces a tenant's callback; one without a URL removes it.
// CodeNotFound: no such appkey.
type SetCallback struct {
	TimeMs   int64
	AppKey   string
	Callback Callback
}

// Append appends the encoded command to dst.
func (c *SetCallback) Append(dst []byte) []byte {
	dst = header(dst, kindSetCallback, c.TimeMs)
	dst = appendString(dst, c.AppKey)
	return c.Callback.append(dst)
}

func (c *SetCallback) decode(r *reader) bool {
	c.TimeMs, c.AppKey = r.time(), r.string()
	c.Callback.decode(r)
	return r.done()
}
