package lbs

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// query is what a client says about itself.
type query struct {
	appKey    string
	account   string // only checked, never looked up
	version   string
	platform  wire.Platform
	env       string
	transport string
	room      string // ranks the access points
}

// maxQuery bounds the raw query, in bytes: every parameter at its limit, each
// byte percent-encoded, needs less.
const maxQuery = 2048

// maxRoom is the longest name of a room, in bytes.
const maxRoom = 64

var (
	appKeyPattern  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	accountPattern = regexp.MustCompile(`^[A-Za-z0-9_@.-]{1,32}$`)
	versionPattern = regexp.MustCompile(`^[!-~]{1,32}$`)
)

// platforms are the names of wire.Platform in this format.
var platforms = map[string]wire.Platform{
	"android": wire.Platform_PLATFORM_ANDROID,
	"ios":     wire.Platform_PLATFORM_IOS,
	"pc":      wire.Platform_PLATFORM_PC,
	"web":     wire.Platform_PLATFORM_WEB,
	"mac":     wire.Platform_PLATFORM_MAC,
}

// parseQuery reads a raw URL query. Every error is a *wire.Error with
// CodeBadParameter; parameters that are not known are ignored.
func parseQuery(raw string) (query, error) {
	var q query
	if len(raw) > maxQuery {
		return q, wire.Errorf(wire.CodeBadParameter, "the query has %d bytes, the most is %d", len(raw), maxQuery)
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return q, wire.Errorf(wire.CodeBadParameter, "the query is not URL-encoded")
	}
	for name, into := range map[string]struct {
		value   *string
		pattern *regexp.Regexp
	}{
		"k":   {&q.appKey, appKeyPattern},
		"id":  {&q.account, accountPattern},
		"v":   {&q.version, versionPattern},
		"env": {&q.env, envPattern},
	} {
		if *into.value, err = one(values, name); err != nil {
			return q, err
		}
		if *into.value != "" && !into.pattern.MatchString(*into.value) {
			return q, wire.Errorf(wire.CodeBadParameter, "parameter %s does not match %s", name, into.pattern)
		}
	}
	if q.appKey == "" {
		return q, wire.Errorf(wire.CodeBadParameter, "parameter k, the appkey, is missing")
	}
	if q.room, err = one(values, "room"); err != nil {
		return q, err
	}
	if len(q.room) > maxRoom {
		return q, wire.Errorf(wire.CodeBadParameter, "parameter room has more than %d bytes", maxRoom)
	}
	if q.transport, err = one(values, "transport"); err != nil {
		return q, err
	}
	if q.transport != "" && !slices.Contains(transports, q.transport) {
		return q, wire.Errorf(wire.CodeBadParameter, "parameter transport is not one of %s", strings.Join(transports, ", "))
	}
	platform, err := one(values, "platform")
	if err != nil {
		return q, err
	}
	q.platform, err = parsePlatform(platform)
	return q, err
}

// one is the only value of a parameter, "" when it is missing.
func one(values url.Values, name string) (string, error) {
	if len(values[name]) > 1 {
		return "", wire.Errorf(wire.CodeBadParameter, "parameter %s is given twice", name)
	}
	return values.Get(name), nil
}

// parsePlatform reads a platform's name or number; "" is unknown.
func parsePlatform(s string) (wire.Platform, error) {
	if s == "" {
		return wire.Platform_PLATFORM_UNKNOWN, nil
	}
	if p, ok := platforms[s]; ok {
		return p, nil
	}
	if n, err := strconv.ParseInt(s, 10, 32); err == nil {
		for _, p := range platforms {
			if int64(p) == n {
				return p, nil
			}
		}
	}
	return 0, wire.Errorf(wire.CodeBadParameter, "parameter platform is not one of android, ios, pc, web, mac or their numbers")
}
