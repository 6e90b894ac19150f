package caddymodules

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/dustin/go-humanize"

	"github.com/yizhan-im/yizhan/appliance/lbs"
)

func init() {
	httpcaddyfile.RegisterGlobalOption("yizhan", parseGlobalOption)
}

func parseGlobalOption(d *caddyfile.Dispenser, existing any) (any, error) {
	if existing != nil {
		return nil, d.Err("the yizhan option may appear only once")
	}
	app := new(App)
	if err := app.UnmarshalCaddyfile(d); err != nil {
		return nil, err
	}
	return httpcaddyfile.App{Name: "yizhan", Value: caddyconfig.JSON(app, nil)}, nil
}

// UnmarshalCaddyfile sets up the app from the global option:
//
//	yizhan {
//		node_id  <name>
//		data_dir <folder>
//		min_free <size>
//		drain    <duration>
//		link     <address...> {
//			max_connections   <count>
//			max_handshakes    <count>
//			max_pending_per_source <count>
//			handshake_timeout <duration>
//			login_timeout     <duration>
//			write_timeout     <duration>
//			queue             <size>
//		}
//		weblink {
//			max_connections <count>
//			max_pending     <count>
//			max_pending_per_source <count>
//			login_timeout   <duration>
//			ping_interval   <duration>
//			ping_timeout    <duration>
//			upgrade_timeout <duration>
//			write_timeout   <duration>
//			queue           <size>
//			max_payload     <size>
//			origins         <scheme://host:port...>
//			compression
//		}
//		files {
//			… see Files.unmarshalCaddyfile
//		}
//		search on|off
//		presence_grace <duration>|off
//		access_point <transport> <host:port> {
//			env <name>
//		}
//	}
//
// link and access_point may be repeated.
func (a *App) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the option's name
	if d.NextArg() {
		return d.ArgErr()
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		var err error
		switch d.Val() {
		case "node_id":
			err = argument(d, &a.NodeID, text)
		case "data_dir":
			err = argument(d, &a.DataDir, text)
		case "min_free":
			err = argument(d, &a.MinFreeBytes, size)
		case "drain":
			err = argument(d, &a.Drain, duration)
		case "link":
			err = a.Link.unmarshalCaddyfile(d)
		case "weblink":
			err = a.WebLink.unmarshalCaddyfile(d)
		case "files":
			err = a.Files.unmarshalCaddyfile(d)
		case "search":
			a.SearchOff = false
			err = argument(d, &a.SearchOff, isOff)
		case "presence_grace":
			err = argument(d, &a.PresenceGrace, grace)
		case "access_point":
			err = a.unmarshalAccessPoint(d)
		default:
			err = d.Errf("unknown yizhan option %q", d.Val())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *Link) unmarshalCaddyfile(d *caddyfile.Dispenser) error {
	l.Listen = append(l.Listen, d.RemainingArgs()...)
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		var err error
		switch d.Val() {
		case "max_connections":
			err = argument(d, &l.MaxConnections, strconv.Atoi)
		case "max_handshakes":
			err = argument(d, &l.MaxHandshakes, strconv.Atoi)
		case "max_pending_per_source":
			err = argument(d, &l.MaxPendingPerSource, strconv.Atoi)
		case "handshake_timeout":
			err = argument(d, &l.HandshakeTimeout, duration)
		case "login_timeout":
			err = argument(d, &l.LoginTimeout, duration)
		case "write_timeout":
			err = argument(d, &l.WriteTimeout, duration)
		case "queue":
			err = argument(d, &l.QueueBytes, sizeInt)
		default:
			err = d.Errf("unknown link option %q", d.Val())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *App) unmarshalAccessPoint(d *caddyfile.Dispenser) error {
	var point lbs.AccessPoint
	if !d.Args(&point.Transport, &point.Address) || d.NextArg() {
		return d.Err("access_point takes a transport and host:port, as in: access_point link im.example.com:7400")
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		var err error
		switch d.Val() {
		case "env":
			err = argument(d, &point.Env, text)
		default:
			err = d.Errf("unknown access_point option %q", d.Val())
		}
		if err != nil {
			return err
		}
	}
	a.AccessPoints = append(a.AccessPoints, point)
	return nil
}

// argument reads the one argument of the current option into dst.
func argument[T any](d *caddyfile.Dispenser, dst *T, parse func(string) (T, error)) error {
	option := d.Val()
	var value string
	if !d.Args(&value) || d.NextArg() {
		return d.Errf("%s takes exactly one value", option)
	}
	parsed, err := parse(value)
	if err != nil {
		return d.Errf("%s %q: %v", option, value, err)
	}
	*dst = parsed
	return nil
}

func text(s string) (string, error) { return s, nil }

// isOff reads "on" or "off".
func isOff(s string) (bool, error) {
	switch s {
	case "on", "off":
		return s == "off", nil
	}
	return false, errors.New("not on or off")
}

func duration(s string) (caddy.Duration, error) {
	d, err := caddy.ParseDuration(s)
	return caddy.Duration(d), err
}

// grace reads a duration, or off, which is below 0: zero is the default.
func grace(s string) (caddy.Duration, error) {
	if s == "off" {
		return -1, nil
	}
	d, err := duration(s)
	if err == nil && d <= 0 {
		err = errors.New("not off or a duration above zero")
	}
	return d, err
}

// size reads a byte count such as 64KiB or 1GB.
func size(s string) (int64, error) {
	n, err := humanize.ParseBytes(s)
	if err != nil {
		return 0, fmt.Errorf("not a size like 256MiB: %w", err)
	}
	if n > 1<<62 {
		return 0, fmt.Errorf("%d bytes is out of range", n)
	}
	return int64(n), nil
}

func sizeInt(s string) (int, error) {
	n, err := size(s)
	return int(n), err
}

// Interface guard
var _ caddyfile.Unmarshaler = (*App)(nil)
