// Package weblinktest is a Socket.IO client for tests of the WebLink gateway: it
// connects, logs in, asks and listens, over WebSocket or long-polling. It shares
// no code with the server's codecs, so that the two check each other, and does not
// reconnect.
//
//	c, err := weblinktest.Dial(ctx, "http://127.0.0.1:8080/socket.io/", &wire.LoginRequest{…})
//	code, body, err := c.Request(ctx, wire.CmdSend, &wire.SendRequest{…})
//	for e := range c.Events() { … }
package weblinktest
