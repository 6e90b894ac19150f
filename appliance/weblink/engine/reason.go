package engine

import (
	"fmt"

	"github.com/yizhan-im/yizhan/appliance/weblink/websocket"
)

// Reason says why a session ended.
type Reason uint8

const (
	ReasonClient      Reason = iota + 1 // the client closed it
	ReasonServer                        // Conn.Close
	ReasonTransport                     // the connection broke, or a request of it
	ReasonPing                          // no pong within Options.PingTimeout
	ReasonParse                         // the client broke a protocol, or its Receiver said so
	ReasonSlow                          // the client does not read what is sent to it
	ReasonFlood                         // too many packets and frames that carry nothing
	ReasonOpenTimeout                   // no Conn.Established within Options.OpenTimeout
	ReasonShutdown                      // Server.Close
	reasonEnd
)

var reasonNames = [reasonEnd]string{
	ReasonClient:      "client",
	ReasonServer:      "server",
	ReasonTransport:   "transport",
	ReasonPing:        "ping_timeout",
	ReasonParse:       "parse_error",
	ReasonSlow:        "slow",
	ReasonFlood:       "flood",
	ReasonOpenTimeout: "open_timeout",
	ReasonShutdown:    "shutdown",
}

// String is the reason as metrics and logs show it.
func (r Reason) String() string {
	if r > 0 && r < reasonEnd {
		return reasonNames[r]
	}
	return fmt.Sprintf("reason_%d", uint8(r))
}

// status is what a WebSocket is closed with (RFC 6455 §7.4.1).
func (r Reason) status() websocket.Status {
	switch r {
	case ReasonShutdown:
		return websocket.StatusGoingAway
	case ReasonParse:
		return websocket.StatusProtocolError
	case ReasonSlow:
		return websocket.StatusTryAgainLater
	case ReasonPing, ReasonFlood, ReasonOpenTimeout:
		return websocket.StatusPolicy
	default:
		return websocket.StatusNormal
	}
}
