package engine

// Handler gets the sessions that clients open.
type Handler interface {
	// Opened is called once for each session, before anything is received. It
	// must not block: it runs on the goroutine that serves the client. What it
	// sends follows the handshake.
	Opened(c *Conn) Receiver
}

// Receiver gets what one client sends. Its methods are never called at the same
// time.
type Receiver interface {
	// Message is one message, in the order of the client's sending. data is valid
	// during the call only. An error closes the session with ReasonParse.
	Message(data []byte, binary bool) error

	// Closed is called exactly once, after the last Message has returned.
	Closed(reason Reason)
}
