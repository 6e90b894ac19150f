package files

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

func a256(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func TestGrant(t *testing.T) {
	s := newSite(t, func(o *Options) { o.GrantLifetime = time.Minute; o.PublicURL = "https://im.example.com/" })
	var g struct {
		Grant, UploadURL, ResumableURL string
		ExpiresMs, MaxSize             int64
	}
	before := s.now()
	s.askGrant("shop", "Alice", "secret").json(t, &g)
	if life := time.UnixMilli(g.ExpiresMs).Sub(before); life < 59*time.Second || life > 70*time.Second {
		t.Errorf("good for %s", life)
	}
	if g.MaxSize != 100<<20 || g.UploadURL != "https://im.example.com/files/upload" || g.ResumableURL != "https://im.example.com/files/uploads" {
		t.Errorf("%+v", g)
	}
	p, err := newSigner(s.keys.values[signingKeyName]).checkGrant(g.Grant, s.now())
	if want := (Principal{7, "shop", "alice"}); err != nil || p != want {
		t.Errorf("%+v %v, want %+v", p, err, want)
	}
	for _, c := range []struct {
		appKey, account, token string
		status                 int
		name                   string
	}{
		{"shop", "alice", "wrong", http.StatusUnauthorized, "wrong_token"},
		{"none", "alice", "secret", http.StatusUnauthorized, "wrong_token"},
		{"shop", "barred", "secret", http.StatusForbidden, "blocked"},
		{"shop", "flooder", "secret", http.StatusTooManyRequests, "rate_limited"},
	} {
		a := s.askGrant(c.appKey, c.account, c.token).is(t, c.status)
		if !bytes.Contains(a.body, []byte(`"error":"`+c.name+`"`)) {
			t.Errorf("%+v: %s", c, a.body)
		}
	}
	s.do("POST", "/files/grant", strings.NewReader("{"), "Content-Type", jsonType).refused(t, errBadRequest)
	s.do("POST", "/files/grant", strings.NewReader("{}"), "Content-Type", "text/plain").refused(t, errBadRequest)
	s.do("POST", "/files/grant", bytes.NewReader(make([]byte, maxJSON+1)), "Content-Type", jsonType).refused(t, errBadRequest)
	s.do("GET", "/files/grant", nil).refused(t, errMethod)

	s.skew.Add(int64(2 * time.Minute))
	s.put("Bearer "+g.Grant, "", text(10, "x")).refused(t, errOldGrant)
}

func TestForgedGrant(t *testing.T) {
	s := newSite(t, nil)
	good := strings.TrimPrefix(s.alice(), "Bearer ")
	other := newSite(t, nil)
	other.alice()
	for name, grant := range map[string]string{
		"another site's": strings.TrimPrefix(other.alice(), "Bearer "),
		"cut":            good[:len(good)-1],
		"longer":         good + "A",
		"no base64":      "!" + good,
		"short":          "AAAA",
		"long":           strings.Repeat("A", 10_000),
	} {
		s.put("Bearer "+grant, "", text(10, "x")).refused(t, errBadGrant)
		_ = name
	}
	raw := []byte(good)
	for i := range raw { // every bit of it is signed
		forged := bytes.Clone(raw)
		forged[i] ^= 1
		if _, err := s.server.signed.Load().checkGrant(string(forged), s.now()); err == nil {
			t.Errorf("a grant with another character %d is taken", i)
		}
	}
	s.put("", "", nil).refused(t, errNoGrant)
	s.put("Basic abc", "", nil).refused(t, errNoGrant)
	// A link's signature is no grant's, and the other way round.
	k := s.server.signed.Load()
	if bytes.Equal(k.grants, k.links) {
		t.Error("one key for both")
	}
}

func TestLinks(t *testing.T) {
	s := newSite(t, func(o *Options) { o.LinkLifetime = 90 * time.Second; o.GrantLifetime = 24 * time.Hour })
	alice, carol, bob := s.alice(), s.bearer("shop", "carol"), s.bearer("bank", "bob")
	content := text(100, "shared")
	r := s.put(alice, "", content).result(t)
	// Whoever got the message asks for a link by the address in it.
	l := s.link(carol, r.Body.URL)
	if a := s.do("GET", l.URL, nil).is(t, http.StatusOK); !bytes.Equal(a.body, content) {
		t.Error("another content")
	}
	if l2 := s.link(carol, r.ID); l2.ID != r.ID || l2.URL == "" {
		t.Errorf("%+v", l2)
	}
	// So can programs, by their grant.
	s.do("GET", r.Body.URL, nil, "Authorization", carol).is(t, http.StatusOK)
	// Another tenant can do neither.
	if l := s.link(bob, r.ID); l.URL != "" || l.Error != "not_found" {
		t.Errorf("%+v", l)
	}
	s.do("GET", r.Body.URL, nil, "Authorization", bob).refused(t, errNotFound)
	s.do("GET", r.Body.URL, nil).refused(t, errBadLink)

	for _, file := range []string{"", "x", "7-short", "https://example.com/other/" + r.ID, strings.Repeat("a", 5000)} {
		if l := s.link(alice, file); l.Error != "not_found" {
			t.Errorf("%q: %+v", file, l)
		}
	}
	s.do("POST", "/files/links", strings.NewReader(`{"files":[]}`), "Content-Type", jsonType, "Authorization", alice).refused(t, errBadRequest)
	s.do("POST", "/files/links", strings.NewReader(`{"files":["x"]}`), "Content-Type", jsonType).refused(t, errNoGrant)

	// Forged: another file, another expiry, no signature.
	another := s.put(alice, "", content).result(t)
	query := l.URL[strings.IndexByte(l.URL, '?'):]
	s.do("GET", another.Body.URL+query, nil).refused(t, errBadLink)
	s.do("GET", strings.Replace(l.URL, "e=", "e=9", 1), nil).refused(t, errBadLink)
	s.do("GET", l.URL[:len(l.URL)-1], nil).refused(t, errBadLink)
	s.do("GET", l.URL[:strings.Index(l.URL, "&s=")], nil).refused(t, errBadLink)
	// A wrong signature is not made good by a grant.
	s.do("GET", l.URL[:len(l.URL)-1], nil, "Authorization", alice).refused(t, errBadLink)

	s.skew.Add(int64(2 * time.Minute))
	s.do("GET", l.URL, nil).refused(t, errOldLink)
	s.do("GET", s.link(carol, l.URL).URL, nil).is(t, http.StatusOK)
}

// TestNodesOfASiteShareTheKey: a link made by one is good at another, and after a
// restart.
func TestNodesOfASiteShareTheKey(t *testing.T) {
	one, two := newSite(t, nil), newSite(t, nil)
	two.keys = one.keys
	two.crash()
	r := one.put(two.alice(), "", text(10, "x")).result(t)
	two.do("GET", strings.Replace(r.Link, one.http.URL, two.http.URL, 1), nil).refused(t, errNotFound) // not bad_link
	one.crash()
	one.do("GET", one.http.URL+r.Link[strings.Index(r.Link, "/files/"):], nil).is(t, http.StatusOK)

	keys := &keyStore{fail: errors.New("disk full")}
	if _, err := loadKey(t.Context(), keys); err == nil {
		t.Error("a key that is not kept")
	}
	keys.fail = nil
	if err := keys.Store(t.Context(), signingKeyName, []byte("short")); err != nil {
		t.Fatal(err)
	}
	if _, err := loadKey(t.Context(), keys); err == nil {
		t.Error("a key of five bytes")
	}
}

func TestSignaturesAreNotLogged(t *testing.T) {
	s := newSite(t, nil)
	alice := s.alice()
	r := s.put(alice, "", text(10, "x")).result(t)
	s.do("GET", r.Link+"0", nil).refused(t, errBadLink)
	s.put(alice+"0", "", nil).refused(t, errBadGrant)
	s.askGrant("shop", "alice", "wrong-secret")
	log := s.log.String()
	if !strings.Contains(log, "bad_link") || !strings.Contains(log, "bad_grant") {
		t.Fatalf("the refusals are not logged:\n%s", log)
	}
	for _, secret := range []string{strings.TrimPrefix(alice, "Bearer "), r.Link[strings.Index(r.Link, "&s=")+3:], "secret"} {
		if strings.Contains(log, secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
}

func TestCORS(t *testing.T) {
	s := newSite(t, nil)
	a := s.do("OPTIONS", "/files/uploads", nil, "Origin", "https://app.example.com", "Access-Control-Request-Method", "POST").is(t, http.StatusNoContent)
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin":  "*",
		"Access-Control-Allow-Methods": corsMethods,
		"Tus-Version":                  "1.0.0",
		"Tus-Max-Size":                 "104857600",
		"Tus-Extension":                tusExtensions,
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	u, a := s.createTus(s.alice(), 5)
	a.is(t, http.StatusCreated)
	a = u.request("HEAD", nil, "Origin", "https://app.example.com").is(t, http.StatusOK)
	if a.header.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(a.header.Get("Access-Control-Expose-Headers"), "Upload-Offset") {
		t.Errorf("%v", a.header)
	}
	s.setOptions(func(o *Options) { o.Origins = []string{"https://app.example.com"} })
	if a := u.request("HEAD", nil, "Origin", "https://app.example.com"); a.header.Get("Access-Control-Allow-Origin") != "https://app.example.com" || a.header.Get("Vary") != "Origin" {
		t.Errorf("%v", a.header)
	}
	s.do("GET", "/files/o/x", nil, "Origin", "https://evil.example.com").refused(t, errOrigin)
	u.request("HEAD", nil, "Origin", s.http.URL).is(t, http.StatusOK) // the site's own page
}
