package lbs

import "github.com/yizhan-im/yizhan/appliance/wire"

// Response is the answer when Code is wire.CodeOK. The JSON names are a public
// format (README.md): add fields, never change one.
type Response struct {
	Code wire.Code `json:"code"`
	// AccessPoints to try in this order; at least one, each with a host.
	AccessPoints []AccessPoint `json:"access_points"`
	// LinkKey is the node's Link public key, as secure.EncodePublicKey writes it.
	LinkKey string `json:"link_key"`
	// TTL is how long the answer may be kept, in seconds.
	TTL int `json:"ttl"`
	// ServerTimeMs is the node's clock, in milliseconds since 1970.
	ServerTimeMs int64 `json:"server_time_ms"`
	// ClientIP is the client's address as the node sees it, to find out about
	// proxies on the way.
	ClientIP string `json:"client_ip,omitempty"`
	Hints    Hints  `json:"hints"`
}

// Hints tune a client without a new release of it. A client may ignore them.
type Hints struct {
	// AttemptDelayMs is how long to wait for one access point before the next is
	// tried beside it, in milliseconds.
	AttemptDelayMs int `json:"attempt_delay_ms"`
}

// ErrorResponse is the answer for every other code.
type ErrorResponse struct {
	Code wire.Code `json:"code"`
	Desc string    `json:"desc"`
}
