package websocket

import (
	"strings"

	"github.com/gobwas/httphead"
)

const (
	extensionName = "permessage-deflate"
	// fullWindow is the only window of our compressor, as a power of two: 32 KiB.
	fullWindow = "15"

	// Both may be asked for by the server even if the client did not mention them
	// (RFC 7692 §7.1.1).
	acceptance = extensionName + "; server_no_context_takeover; client_no_context_takeover"
)

// offer is one extension that a client offers (RFC 7692 §5).
type offer struct {
	deflate      bool // it is permessage-deflate
	bad          bool // it has something that we do not know, or accept
	serverWindow bool // it limits our window, to what it is anyway
	seen         map[string]bool
}

// negotiate picks the first offer of permessage-deflate that we can take, and
// returns the value of the answer's Sec-WebSocket-Extensions, "" when there is
// none. ok is false when the header does not have RFC 6455 §9.1's form.
func negotiate(headers []string, o Options) (extension string, ok bool) {
	var offers []offer
	// Several fields are one list (RFC 6455 §9.1).
	if len(headers) == 0 {
		return "", true
	}
	ok = httphead.ScanOptions([]byte(strings.Join(headers, ", ")), func(i int, name, parameter, value []byte) httphead.Control {
		for len(offers) <= i {
			offers = append(offers, offer{deflate: string(name) == extensionName})
		}
		if parameter != nil {
			offers[i].add(string(parameter), string(value))
		}
		return httphead.ControlContinue
	})
	if !ok || !o.Deflate {
		return "", ok
	}
	for _, offer := range offers {
		switch {
		case !offer.deflate || offer.bad:
		case offer.serverWindow:
			// An offer with this parameter is accepted by repeating it (§7.1.2.1).
			return acceptance + "; server_max_window_bits=" + fullWindow, true
		default:
			return acceptance, true
		}
	}
	return "", true
}

// add takes one parameter. Unknown ones, invalid values and repetitions decline
// the offer, and so does a window for us that is smaller than ours (RFC 7692
// §7.1): the client's next offer may do without.
func (o *offer) add(name, value string) {
	if !o.deflate || o.bad {
		return
	}
	if o.seen[name] {
		o.bad = true
		return
	}
	if o.seen == nil {
		o.seen = make(map[string]bool)
	}
	o.seen[name] = true
	switch name {
	case "server_no_context_takeover", "client_no_context_takeover":
		o.bad = value != ""
	case "client_max_window_bits":
		// A hint, with or without a value; we inflate with a full window (§7.1.2.2).
		o.bad = value != "" && !windowBits(value)
	case "server_max_window_bits":
		o.bad, o.serverWindow = value != fullWindow, true
	default:
		o.bad = true
	}
}

// windowBits reports whether s is 8 to 15 without leading zeros.
func windowBits(s string) bool {
	switch s {
	case "8", "9", "10", "11", "12", "13", "14", fullWindow:
		return true
	}
	return false
}
