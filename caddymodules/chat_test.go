package caddymodules

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// getChat asks the handler as a browser on this machine does; change may alter
// the request.
func getChat(t *testing.T, c *Chat, path string, change func(*http.Request)) (*http.Response, string) {
	t.Helper()
	if err := c.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "https://localhost:7443"+path, nil)
	r.RemoteAddr = "127.0.0.1:50000"
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	err := c.ServeHTTP(w, r, nil)
	var answer caddyhttp.HandlerError
	if errors.As(err, &answer) {
		w.WriteHeader(answer.StatusCode) // as Caddy does
	} else if err != nil {
		t.Fatal(err)
	}
	resp := w.Result()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestChatServesItsFiles(t *testing.T) {
	page, html := getChat(t, new(Chat), "/", nil)
	if page.StatusCode != http.StatusOK || page.Header.Get("Content-Type") != "text/html; charset=utf-8" || page.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("the page: %s %v", page.Status, page.Header)
	}
	for _, needed := range []string{"default-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"} {
		if policy := page.Header.Get("Content-Security-Policy"); !strings.Contains(policy, needed) {
			t.Errorf("the policy %q has no %s", policy, needed)
		}
	}
	mimes := map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
	total, kinds := 0, 0
	for _, match := range regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(html, -1) {
		resp, body := getChat(t, new(Chat), "/"+match[1], nil)
		mime := mimes[filepath.Ext(match[1])]
		if resp.StatusCode != http.StatusOK || mime == "" || resp.Header.Get("Content-Type") != mime || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %s %v", match[1], resp.Status, resp.Header)
		}
		if cache := resp.Header.Get("Cache-Control"); !strings.Contains(cache, "immutable") {
			t.Errorf("%s: Cache-Control %q", match[1], cache)
		}
		total += len(body)
		kinds++

		again, body := getChat(t, new(Chat), "/"+match[1], func(r *http.Request) { r.Header.Set("If-None-Match", resp.Header.Get("Etag")) })
		if again.StatusCode != http.StatusNotModified || body != "" {
			t.Errorf("%s with its ETag: %s", match[1], again.Status)
		}
	}
	if kinds < len(mimes) {
		t.Errorf("the page names %d files, want a script, a style and an icon", kinds)
	}
	if limit := 200 << 10; total > limit {
		t.Errorf("the files have %d bytes, more than %d", total, limit)
	}
}

func TestChatServesNothingElse(t *testing.T) {
	for _, path := range []string{"/index", "/nothing.js", "/../chat.go", "/%2e%2e/chat.go", "/dist/", "/chat/", "//", "/demo.json"} {
		if resp, body := getChat(t, new(Chat), path, nil); resp.StatusCode != http.StatusNotFound || body != "" {
			t.Errorf("%s: %s %q", path, resp.Status, body)
		}
	}
	resp, _ := getChat(t, new(Chat), "/", func(r *http.Request) { r.Method = http.MethodPost })
	if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") == "" {
		t.Errorf("POST: %s", resp.Status)
	}
	if resp, body := getChat(t, new(Chat), "/", func(r *http.Request) { r.Method = http.MethodHead }); resp.StatusCode != http.StatusOK || body != "" {
		t.Errorf("HEAD: %s %q", resp.Status, body)
	}
}

func TestChatOffersDemoUsersOnThisMachineOnly(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users.json")
	if err := os.WriteFile(file, []byte(`{"app_key":"demo","users":[]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &Chat{Demo: file}
	for _, host := range []string{"localhost:7443", "LOCALHOST", "127.0.0.1:7443", "[::1]:7443", "[::1]"} {
		resp, body := getChat(t, c, "/demo.json", func(r *http.Request) { r.Host = host })
		if resp.StatusCode != http.StatusOK || !json.Valid([]byte(body)) || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("at %s: %s %q", host, resp.Status, body)
		}
	}
	for name, change := range map[string]func(*http.Request){
		"another machine":         func(r *http.Request) { r.RemoteAddr = "192.0.2.7:50000" },
		"another machine, IPv6":   func(r *http.Request) { r.RemoteAddr = "[2001:db8::7]:50000" },
		"no address":              func(r *http.Request) { r.RemoteAddr = "@" },
		"a name bound to us":      func(r *http.Request) { r.Host = "evil.example:7443" },
		"a name like ours":        func(r *http.Request) { r.Host = "localhost.evil.example" },
		"this machine's own name": func(r *http.Request) { r.Host = "192.0.2.7:7443" },
		"no host":                 func(r *http.Request) { r.Host = "" },
		// A proxy on this machine that sends its own Host, as nginx does by default.
		"a proxy":                  func(r *http.Request) { r.Header.Set("X-Forwarded-For", "192.0.2.7") },
		"a proxy that hides whom":  func(r *http.Request) { r.Header.Set("Via", "1.1 proxy") },
		"a proxy, RFC 7239":        func(r *http.Request) { r.Header.Set("Forwarded", "for=192.0.2.7") },
		"a proxy, nginx's example": func(r *http.Request) { r.Header.Set("X-Real-Ip", "192.0.2.7") },
		"a tunnel":                 func(r *http.Request) { r.Header.Set("X-Forwarded-Host", "chat.example") },
	} {
		if resp, body := getChat(t, c, "/demo.json", change); resp.StatusCode != http.StatusForbidden || body != "" {
			t.Errorf("%s: %s %q", name, resp.Status, body)
		}
	}

	if err := os.Truncate(file, maxChatDemo+1); err != nil {
		t.Fatal(err)
	}
	if resp, _ := getChat(t, c, "/demo.json", nil); resp.StatusCode != http.StatusInternalServerError {
		t.Errorf("a file that is too large: %s", resp.Status)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if resp, _ := getChat(t, c, "/demo.json", nil); resp.StatusCode != http.StatusNotFound {
		t.Errorf("a file that is missing: %s", resp.Status)
	}
}

func TestChatCaddyfile(t *testing.T) {
	for _, c := range []struct{ text, demo, complaint string }{
		{"yizhan_chat", "", ""},
		{"yizhan_chat {\n demo users.json\n}", "users.json", ""},
		{"yizhan_chat now", "", "wrong argument count"},
		{"yizhan_chat {\n demo\n}", "", "exactly one value"},
		{"yizhan_chat {\n domo x\n}", "", "unknown yizhan_chat option"},
	} {
		chat := new(Chat)
		err := chat.UnmarshalCaddyfile(caddyfile.NewTestDispenser(c.text))
		if chat.Demo != c.demo || (err == nil) != (c.complaint == "") || (err != nil && !strings.Contains(strings.ToLower(err.Error()), c.complaint)) {
			t.Errorf("%q: demo %q, error %v", c.text, chat.Demo, err)
		}
	}
}
