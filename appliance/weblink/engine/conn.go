package engine

import "net/netip"

// Conn is one session. Its methods never block, may be called from any
// goroutine, and do nothing once the session has ended.
type Conn struct{ remote netip.AddrPort }

// Send queues messages, each made by Message or DeflatedMessage, one behind
// another with nothing in between. When more than Options.QueueBytes wait
// already the session ends with ReasonSlow.
func (c *Conn) Send(messages ...[]byte) {}

// Deflate reports whether the client takes what DeflatedMessage makes. It may
// become true when the client changes its transport, and never false again.
func (c *Conn) Deflate() bool { return false }

// Close ends the session: the client gets what is queued, then last, then an
// orderly close, for all of which it has two seconds.
func (c *Conn) Close(last ...[]byte) {}

// Fail ends the session like Close, for a reason that is the client's fault. A
// polling client that does not wait for an answer finds its session gone.
func (c *Conn) Fail(reason Reason) {}

// Established says that the client is logged in: Options.OpenTimeout no longer
// holds.
func (c *Conn) Established() {}

// RemoteAddr is the client's address, taken from the request that opened the
// session; zero when that had none.
func (c *Conn) RemoteAddr() netip.AddrPort { return c.remote }
