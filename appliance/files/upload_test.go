package files

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestUploadAndDownload(t *testing.T) {
	s := newSite(t, nil)
	content := text(100_000, "a report")
	r := s.put(s.alice(), "name="+url.QueryEscape("报告 1.TXT")+"&dur=1500", content).result(t)
	sum, digest := md5.Sum(content), sha256.Sum256(content)
	want := Body{
		Name: "报告 1.TXT", URL: s.http.URL + "/files/o/" + r.ID, MD5: hex.EncodeToString(sum[:]),
		Size: 100_000, Ext: "txt", Dur: 1500,
	}
	if r.Body != want || r.Code != 200 || r.Type != "text/plain" || r.SHA256 != hex.EncodeToString(digest[:]) {
		t.Errorf("%+v, want body %+v", r, want)
	}
	a := s.do("GET", r.Link, nil).is(t, http.StatusOK)
	if !bytes.Equal(a.body, content) {
		t.Error("another content")
	}
	for name, want := range map[string]string{
		"Content-Type":                 "application/octet-stream",
		"Content-Disposition":          "attachment; filename*=utf-8''%E6%8A%A5%E5%91%8A%201.TXT",
		"X-Content-Type-Options":       "nosniff",
		"Etag":                         `"` + r.SHA256 + `"`,
		"Accept-Ranges":                "bytes",
		"Cross-Origin-Resource-Policy": "cross-origin",
		"Referrer-Policy":              "no-referrer",
		"Content-Security-Policy":      "sandbox; default-src 'none'",
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if cache := a.header.Get("Cache-Control"); !strings.HasPrefix(cache, "private, max-age=3") {
		t.Errorf("Cache-Control %q", cache)
	}
	if got := s.metric("uploads_finished_total", "kind=single"); got != 1 { // before the answer
		t.Errorf("%v finished uploads are counted", got)
	}
	eventually(t, "the sent bytes are counted", func() bool { return s.metric("sent_bytes_total") == 100_000 })
	if left, _ := os.ReadDir(filepath.Join(s.dir, stagingFolder)); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestDownloadByRangeAndCondition(t *testing.T) {
	s := newSite(t, nil)
	content := text(5000, "ranges")
	r := s.put(s.alice(), "", content).result(t)
	a := s.do("GET", r.Link, nil, "Range", "bytes=100-199").is(t, http.StatusPartialContent)
	if !bytes.Equal(a.body, content[100:200]) || a.header.Get("Content-Range") != "bytes 100-199/5000" {
		t.Errorf("%d bytes, %q", len(a.body), a.header.Get("Content-Range"))
	}
	a = s.do("GET", r.Link, nil, "Range", "bytes=-50", "If-Range", `"`+r.SHA256+`"`).is(t, http.StatusPartialContent)
	if !bytes.Equal(a.body, content[4950:]) {
		t.Error("another end")
	}
	s.do("GET", r.Link, nil, "Range", "bytes=0-9", "If-Range", `"another"`).is(t, http.StatusOK)
	s.do("GET", r.Link, nil, "Range", "bytes=5000-").is(t, http.StatusRequestedRangeNotSatisfiable)
	if a := s.do("GET", r.Link, nil, "If-None-Match", `"`+r.SHA256+`"`).is(t, http.StatusNotModified); len(a.body) > 0 {
		t.Error("not modified, with a body")
	}
	if a := s.do("HEAD", r.Link, nil).is(t, http.StatusOK); a.header.Get("Content-Length") != "5000" {
		t.Errorf("Content-Length %q", a.header.Get("Content-Length"))
	}
}

// TestNothingThatABrowserRunsIsShown: whatever the client says the type is.
func TestNothingThatABrowserRunsIsShown(t *testing.T) {
	s := newSite(t, nil)
	alice := s.alice()
	for name, content := range map[string]string{
		"a.html": "<!DOCTYPE html><script>alert(1)</script>",
		"b.png":  "<html><body onload=alert(1)>",
		"c.svg":  `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`,
		"d.jpg":  `<?xml version="1.0"?><x xmlns="http://www.w3.org/1999/xhtml"/>`,
		"e.js":   "alert(1)",
		"f.pdf":  "%PDF-1.4\n",
		"g":      "",
	} {
		r := s.put(alice, "name="+name, []byte(content)).result(t)
		a := s.do("GET", r.Link, nil).is(t, http.StatusOK)
		if got := a.header.Get("Content-Type"); got != "application/octet-stream" {
			t.Errorf("%s: Content-Type %q", name, got)
		}
		if got := a.header.Get("Content-Disposition"); !strings.HasPrefix(got, "attachment") {
			t.Errorf("%s: Content-Disposition %q", name, got)
		}
		if a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: sniffed", name)
		}
	}
	r := s.put(alice, "name=x.html", pngImage(t, 4, 4)).result(t)
	a := s.do("GET", r.Link, nil)
	if a.header.Get("Content-Type") != "image/png" || !strings.HasPrefix(a.header.Get("Content-Disposition"), "inline") {
		t.Errorf("a picture: %v", a.header)
	}
	if a := s.do("GET", r.Link+"&download=1", nil); !strings.HasPrefix(a.header.Get("Content-Disposition"), "attachment") {
		t.Errorf("a picture to be saved: %v", a.header)
	}
}

func TestUploadIsRefused(t *testing.T) {
	s := newSite(t, func(o *Options) {
		o.Default = Limits{MaxSize: 1000, Deny: []string{"text/html"}}
		o.Tenants = map[string]Limits{"bank": {MaxSize: 2000, Allow: []string{"image/*"}, Deny: []string{"image/gif"}}}
	})
	alice, bob := s.alice(), s.bearer("bank", "bob")
	s.put(alice, "", text(1000, "x")).is(t, http.StatusOK)
	s.put(alice, "", text(1001, "x")).refused(t, errTooLarge)
	s.put(bob, "", pngImage(t, 10, 10)).is(t, http.StatusOK)
	s.put(bob, "", text(100, "x")).refused(t, errType)
	s.put(bob, "name=x.png", []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;")).refused(t, errType)
	s.put(alice, "name=x.txt", []byte("<html><body>")).refused(t, errType)
	s.put(alice, "md5="+strings.Repeat("0", 32), text(10, "x")).refused(t, errDigest)
	s.put(alice, "sha256="+strings.Repeat("0", 64), text(10, "x")).refused(t, errDigest)
	for _, query := range []string{
		"name=" + strings.Repeat("a", 256), "name=a%00b", "name=a%2f..%2fb", "name=%ff", "name=a%E2%80%AEgpj.exe", "ext=..", "ext=" + strings.Repeat("a", 17),
		"md5=1", "sha256=" + strings.Repeat("g", 64), "w=-1", "h=x", "dur=999999999999",
	} {
		s.put(alice, query, text(10, "x")).refused(t, errBadRequest)
	}
	s.do("POST", "/files/upload", io.MultiReader(strings.NewReader("no length")), "Authorization", alice).refused(t, errNoLength)
	s.do("GET", "/files/upload", nil, "Authorization", alice).refused(t, errMethod)
	s.do("GET", "/files/nothing", nil).refused(t, errNotFound)
	s.do("GET", "/other", nil).refused(t, errNotFound)
	if n, unwritten := s.server.quota.counts(); n != 0 || unwritten != 0 {
		t.Errorf("%d uploads and %d bytes are still counted", n, unwritten)
	}
	s.setOptions(func(o *Options) { o.Disabled = true })
	s.put(alice, "", text(10, "x")).refused(t, errNotFound)
}

// TestTruncatedUploadLeavesNothing: the client's connection breaks.
func TestTruncatedUploadLeavesNothing(t *testing.T) {
	s := newSite(t, nil)
	conn, err := net.Dial("tcp", s.http.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = io.WriteString(conn, "POST /files/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nAuthorization: "+s.alice()+"\r\n\r\nhalf of it")
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the upload is refused", func() bool { return s.metric("requests_total", "result=truncated") == 1 })
	if left, _ := os.ReadDir(filepath.Join(s.dir, stagingFolder)); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestSlowUploadIsCutOff: a client that sends a byte now and then holds no place.
func TestSlowUploadIsCutOff(t *testing.T) {
	s := newSite(t, func(o *Options) { o.MinRate = 1 << 20 })
	s.server.grace = 50 * time.Millisecond
	body, sender := io.Pipe()
	defer sender.Close()
	go func() {
		for {
			if _, err := sender.Write([]byte("x")); err != nil {
				return
			}
			select {
			case <-t.Context().Done():
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	alice := s.alice()
	a, err := s.try("POST", "/files/upload", body, "Authorization", alice, "Content-Length", "1000000")
	if err == nil {
		a.refused(t, errSlow)
	}
	eventually(t, "the upload is refused", func() bool { return s.metric("requests_total", "result=slow") == 1 })

	u := s.newTus(alice, 1_000_000)
	body2, sender2 := io.Pipe()
	defer sender2.Close()
	go func() { _, _ = sender2.Write(text(1000, "slow")) }()
	if a, err := s.try("PATCH", u.url, body2, "Authorization", alice, "Tus-Resumable", "1.0.0", "Content-Length", "1000000",
		"Content-Type", "application/offset+octet-stream", "Upload-Offset", "0"); err == nil && a.status != http.StatusRequestTimeout {
		t.Errorf("status %d %s", a.status, a.body)
	}
	eventually(t, "what came is kept", func() bool { return u.offset() == 1000 })
}

func TestDelete(t *testing.T) {
	s := newSite(t, nil)
	alice := s.alice()
	r := s.put(alice, "", pngImage(t, 50, 50)).result(t)
	s.do("GET", r.Link+"&thumb=128", nil).is(t, http.StatusOK)
	path := "/files/o/" + r.ID
	s.do("DELETE", path, nil).refused(t, errNoGrant)
	s.do("DELETE", path, nil, "Authorization", s.bearer("shop", "carol")).refused(t, errNotFound)
	s.do("DELETE", path, nil, "Authorization", s.bearer("bank", "alice")).refused(t, errNotFound)
	s.do("GET", r.Link, nil).is(t, http.StatusOK)
	s.do("DELETE", path, nil, "Authorization", alice).is(t, http.StatusNoContent)
	s.do("GET", r.Link, nil).refused(t, errNotFound)
	s.do("GET", r.Link+"&thumb=128", nil).refused(t, errNotFound)
	s.do("DELETE", path, nil, "Authorization", alice).refused(t, errNotFound)
}

func TestPathsLeadNowhereElse(t *testing.T) {
	s := newSite(t, nil)
	alice := s.alice()
	if err := os.WriteFile(filepath.Join(s.dir, "secret"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"../secret", "..%2f..%2fsecret", "7-..%2f..%2f..%2f..%2fsecretsecretsecretse", "%2e%2e", "7-", "07-" + strings.Repeat("a", 32), "7-" + strings.Repeat("A", 32), "x/y"} {
		for _, path := range []string{"/files/o/", "/files/uploads/"} {
			r, err := http.NewRequest("GET", s.http.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.URL.Opaque = "//" + s.http.Listener.Addr().String() + path + id // as it is, unlike a client's clean path
			r.Header.Set("Authorization", alice)
			resp, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != http.StatusNotFound || strings.Contains(string(b), "secretsecret") {
				t.Errorf("%s%s: %d %s", path, id, resp.StatusCode, b)
			}
		}
	}
}
