package lbs

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The transports that a client may be sent to. The names are part of the JSON
// format: changing one breaks compatibility.
const (
	TransportLink    = "link"    // native clients, over TCP
	TransportWebLink = "weblink" // browsers, over Socket.IO
)

var transports = []string{TransportLink, TransportWebLink}

// AccessPoint is a place where clients may connect.
type AccessPoint struct {
	// Transport is TransportLink or TransportWebLink.
	Transport string `json:"transport"`
	// Address is host:port. An empty host stands for the host by which the
	// client reached LBS.
	Address string `json:"address"`
	// Env keeps the point for clients that ask for this environment; empty is
	// for those that ask for none.
	Env string `json:"env,omitempty"`
}

// MaxAccessPoints is the most access points of one configuration: clients try
// them one after another, so more would only delay the last.
const MaxAccessPoints = 64

// Validate says what is wrong with the first access point that cannot be used.
// No points at all is fine: the caller has defaults.
func Validate(points []AccessPoint) error {
	if len(points) > MaxAccessPoints {
		return fmt.Errorf("%d access points are too many, the most is %d", len(points), MaxAccessPoints)
	}
	for i, p := range points {
		if err := p.validate(); err != nil {
			return fmt.Errorf("%s %s: %w", p.Transport, p.Address, err)
		}
		if slices.Contains(points[:i], p) {
			return fmt.Errorf("%s %s: given twice", p.Transport, p.Address)
		}
	}
	return nil
}

var envPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)

func (p AccessPoint) validate() error {
	if !slices.Contains(transports, p.Transport) {
		return fmt.Errorf("unknown transport %q: use %s", p.Transport, strings.Join(transports, " or "))
	}
	host, port, err := net.SplitHostPort(p.Address)
	if err != nil {
		return fmt.Errorf("%w: write host:port, with brackets around an IPv6 address", err)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("port %q is not a number from 1 to 65535", port)
	}
	if err := validateHost(host); err != nil {
		return err
	}
	if p.Env != "" && !envPattern.MatchString(p.Env) {
		return fmt.Errorf("env %q is not 1–32 letters, digits, underscores or hyphens", p.Env)
	}
	return nil
}

// hostPattern is a host name as in RFC 1123 §2.1, with underscores, which real
// names have.
var hostPattern = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$`)

// maxHost is the longest host name (RFC 1035 §2.3.4), in bytes.
const maxHost = 253

func validateHost(host string) error {
	if host == "" {
		return nil
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip.IsUnspecified() {
			return fmt.Errorf("%s is no address that a client can reach; leave the host empty for the one by which it reached LBS", host)
		}
		return nil
	}
	if len(host) > maxHost || !hostPattern.MatchString(host) {
		return fmt.Errorf("host %q is neither an IP address nor a host name", host)
	}
	return nil
}

// choose returns the points for env and transport ("" is all), in their order,
// with host in the place of an empty one. Points that need host are left out
// when it is empty.
func choose(points []AccessPoint, env, transport, host string) []AccessPoint {
	chosen := make([]AccessPoint, 0, len(points))
	for _, p := range points {
		if p.Env != env || (transport != "" && p.Transport != transport) {
			continue
		}
		if port, empty := strings.CutPrefix(p.Address, ":"); empty {
			if host == "" {
				continue
			}
			p.Address = net.JoinHostPort(host, port)
		}
		chosen = append(chosen, p)
	}
	return chosen
}

// hostOf is the host of an HTTP Host header without its port, or "" when it is
// missing or malformed.
func hostOf(header string) string {
	host := header
	if h, _, err := net.SplitHostPort(header); err == nil {
		host = h
	} else if inner, ok := strings.CutPrefix(header, "["); ok {
		host = strings.TrimSuffix(inner, "]")
	}
	if validateHost(host) != nil {
		return ""
	}
	return host
}
