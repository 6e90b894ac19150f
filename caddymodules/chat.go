package caddymodules

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/yizhan-im/yizhan/appliance/sdk/web/chat"
)

func init() {
	caddy.RegisterModule(new(Chat))
	httpcaddyfile.RegisterHandlerDirective("yizhan_chat", parseHandler[Chat])
	httpcaddyfile.RegisterDirectiveOrder("yizhan_chat", httpcaddyfile.Before, "respond")
}

const (
	chatPage = "index.html"
	// chatDemo is the name under which the page asks for demo users.
	chatDemo = "demo.json"
	// maxChatDemo is the largest file of demo users, in bytes.
	maxChatDemo = 64 << 10
)

// chatPolicy is the page's Content Security Policy (W3C CSP3): it runs our own
// files only, talks to this site and to the access points that LBS names, and
// cannot make markup of text, even if it tried.
var chatPolicy = strings.Join([]string{
	"default-src 'self'",
	"connect-src 'self' https: wss:",
	"object-src 'none'",
	"base-uri 'none'",
	"form-action 'self'",
	"frame-ancestors 'none'",
	"require-trusted-types-for 'script'",
	"trusted-types 'none'",
}, "; ")

// Chat is the HTTP handler of the demo chat for browsers. It serves the files
// that are built into the binary at the root of the path that it sees, so use it
// within handle_path. The page expects LBS at /lbs of its own site.
type Chat struct {
	// Demo is a file of accounts with their tokens, which the page offers to
	// anybody on this machine, and to nobody else. `yizhan quickstart` writes
	// it; a node for real users has none.
	Demo string `json:"demo,omitempty"`

	files map[string]chatFile
}

// CaddyModule implements caddy.Module.
func (*Chat) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.yizhan_chat", New: func() caddy.Module { return new(Chat) }}
}

// Provision implements caddy.Provisioner.
func (c *Chat) Provision(caddy.Context) error {
	files, err := chatFiles()
	if err != nil {
		return fmt.Errorf("the files of the chat: %w", err)
	}
	c.files = files
	return nil
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (c *Chat) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		return caddyhttp.Error(http.StatusMethodNotAllowed, errors.New("use GET"))
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	switch name {
	case "":
		name = chatPage
	case chatDemo:
		return c.serveDemo(w, r)
	}
	file, ok := c.files[name]
	if !ok {
		return caddyhttp.Error(http.StatusNotFound, fmt.Errorf("the chat has no file %q", name))
	}
	header := w.Header()
	header.Set("Content-Type", file.mime)
	header.Set("Etag", file.etag)
	header.Set("Cache-Control", file.cache)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Content-Security-Policy", chatPolicy)
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(file.content))
	return nil
}

// serveDemo answers with the demo users, to browsers on this machine.
func (c *Chat) serveDemo(w http.ResponseWriter, r *http.Request) error {
	if c.Demo == "" {
		return caddyhttp.Error(http.StatusNotFound, errors.New("this node has no demo users"))
	}
	if !fromThisMachine(r) {
		return caddyhttp.Error(http.StatusForbidden, errors.New("demo users are for browsers on this machine"))
	}
	file, err := os.Open(c.Demo)
	if err != nil {
		return caddyhttp.Error(http.StatusNotFound, err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxChatDemo+1))
	if err == nil && len(content) > maxChatDemo {
		err = fmt.Errorf("%s is larger than %d bytes", c.Demo, maxChatDemo)
	}
	if err != nil {
		return caddyhttp.Error(http.StatusInternalServerError, err)
	}
	header := w.Header()
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	http.ServeContent(w, r, chatDemo, time.Time{}, bytes.NewReader(content))
	return nil
}

// proxyHeaders are what proxies and tunnels add to a request.
var proxyHeaders = []string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip"}

// fromThisMachine tells whether a request was made to this machine on this
// machine. The Host counts too: a page of another site that has its name point
// to 127.0.0.1, or a tunnel, still sends its own. So do the headers of proxies,
// which may send a Host of theirs.
func fromThisMachine(r *http.Request) bool {
	for _, name := range proxyHeaders {
		if len(r.Header.Values(name)) > 0 {
			return false
		}
	}
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !from.Addr().Unmap().IsLoopback() {
		return false
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	to, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && to.Unmap().IsLoopback()
}

// UnmarshalCaddyfile sets up the handler:
//
//	yizhan_chat {
//		demo <file>
//	}
func (c *Chat) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if d.NextArg() {
		return d.ArgErr()
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		var err error
		switch d.Val() {
		case "demo":
			err = argument(d, &c.Demo, text)
		default:
			err = d.Errf("unknown yizhan_chat option %q", d.Val())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// chatFile is one file with what is said of it.
type chatFile struct {
	content           []byte
	mime, etag, cache string
}

// chatTypes are the kinds of files that the chat is made of. The machine's own
// list of types is not asked: it differs from machine to machine.
var chatTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
	".txt":  "text/plain; charset=utf-8",
}

// chatHashed matches a name that holds its content's hash.
var chatHashed = regexp.MustCompile(`-[0-9a-f]{12}\.[a-z]+$`)

// chatFiles are the embedded files by name.
var chatFiles = sync.OnceValues(func() (map[string]chatFile, error) {
	files := map[string]chatFile{}
	all := chat.Files()
	entries, err := fs.ReadDir(all, ".")
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		name := entry.Name()
		content, err := fs.ReadFile(all, name)
		if err != nil {
			return nil, err
		}
		mime := chatTypes[path.Ext(name)]
		if mime == "" {
			return nil, fmt.Errorf("%s: unknown type", name)
		}
		sum := sha256.Sum256(content)
		// A browser asks for the page each time, and keeps the rest.
		file := chatFile{content, mime, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`, "no-cache"}
		if chatHashed.MatchString(name) {
			file.cache = "public, max-age=31536000, immutable"
		}
		files[name] = file
	}
	if _, ok := files[chatPage]; !ok {
		return nil, fmt.Errorf("%s is missing", chatPage)
	}
	return files, nil
})

// Interface guards
var (
	_ caddy.Provisioner           = (*Chat)(nil)
	_ caddyhttp.MiddlewareHandler = (*Chat)(nil)
	_ caddyfile.Unmarshaler       = (*Chat)(nil)
)
