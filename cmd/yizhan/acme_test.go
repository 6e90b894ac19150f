package main_test

import (
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
)

// acmeServer is a certificate authority that speaks ACME (RFC 8555): Pebble, in
// the test's process. It really validates: every name resolves to this machine,
// and it connects to the ports that it was told.
type acmeServer struct {
	directory string         // URL
	trust     string         // file with the certificate of the ACME endpoint itself
	roots     *x509.CertPool // of the certificates that it issues
	orders    atomic.Int64
	down      atomic.Bool  // answer 503 to everything
	refused   atomic.Int64 // so often
}

func newACMEServer(t *testing.T, httpPort, tlsPort string) *acmeServer {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	t.Setenv("PEBBLE_WFE_NONCEREJECT", "0")
	out := new(syncBuffer)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the CA's log:\n%s", out)
		}
	})
	logger := log.New(out, "", log.Lmicroseconds)
	store := db.NewMemoryStore()
	authority := ca.New(logger, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {}})
	validator := va.New(logger, port(t, httpPort), port(t, tlsPort), false, resolver(t), store)
	front := wfe.New(logger, store, validator, authority, []string{"ca.test"}, false, false, 0, 0)

	s := &acmeServer{roots: x509.NewCertPool()}
	handler := front.Handler()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.down.Load() {
			s.refused.Add(1)
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if r.URL.Path == "/order-plz" {
			s.orders.Add(1)
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.directory = server.URL + wfe.DirectoryPath
	s.trust = filepath.Join(t.TempDir(), "acme.pem")
	endpoint := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(s.trust, endpoint, 0o644); err != nil {
		t.Fatal(err)
	}
	root, err := x509.ParseCertificate(authority.GetRootCert(0).DER)
	if err != nil {
		t.Fatal(err)
	}
	s.roots.AddCert(root)
	return s
}

func port(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// resolver is a name server for which every name is 127.0.0.1.
func resolver(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{Listener: listener, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, question *dns.Msg) {
		answer := new(dns.Msg)
		answer.SetReply(question)
		for _, q := range question.Question {
			if q.Qtype == dns.TypeA {
				header := dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}
				answer.Answer = append(answer.Answer, &dns.A{Hdr: header, A: net.IPv4(127, 0, 0, 1)})
			}
		}
		_ = w.WriteMsg(answer)
	})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.ActivateAndServe()
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-ended
	})
	return listener.Addr().String()
}

// permission is an endpoint that Caddy asks whether a name may have a certificate.
type permission struct {
	url   string
	asked atomic.Int64
}

// permit allows the names that end in suffix.
func permit(t *testing.T, suffix string) *permission {
	t.Helper()
	p := new(permission)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		if !strings.HasSuffix(r.URL.Query().Get("domain"), suffix) {
			w.WriteHeader(http.StatusForbidden)
		}
		_, _ = io.WriteString(w, "answered")
	}))
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}
