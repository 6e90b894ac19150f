package main_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance"
)

// tlsNode is a node with HTTPS whose certificates are in its store.
type tlsNode struct {
	*node
	httpPort, httpsPort string
}

func newTLSNode(t *testing.T) *tlsNode {
	t.Helper()
	n := &tlsNode{node: newNode(t)}
	// Whatever Caddy would keep beside the node's store gets here.
	t.Setenv("XDG_DATA_HOME", filepath.Join(n.dir, "xdg"))
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(n.dir, "xdg"))
	addresses := freeAddresses(t, 2)
	_, n.httpPort, _ = net.SplitHostPort(addresses[0])
	_, n.httpsPort, _ = net.SplitHostPort(addresses[1])
	return n
}

// configure writes the node's Caddyfile: options are further global ones, sites
// the rest.
func (n *tlsNode) configure(options, sites string) {
	n.t.Helper()
	text := fmt.Sprintf(`{
	admin {$YIZHAN_ADMIN}
	persist_config off
	storage yizhan
	http_port %s
	https_port %s
	default_bind 127.0.0.1
	skip_install_trust
	log {
		output file {$YIZHAN_DIR}/yizhan.log
		level DEBUG
	}
	yizhan {
		data_dir {$YIZHAN_DIR}/data
		drain 100ms
		link {$YIZHAN_LINK}
	}
%s
}
%s
`, n.httpPort, n.httpsPort, options, sites)
	if err := os.WriteFile(n.file(), []byte(text), 0o644); err != nil {
		n.t.Fatal(err)
	}
}

func (n *tlsNode) file() string { return filepath.Join(n.dir, "Caddyfile") }

// ask makes a new connection to a site and returns what it serves and with which
// certificate, which must be one that roots has issued.
func (n *tlsNode) ask(roots *x509.CertPool, name string) (body string, leaf *x509.Certificate, err error) {
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", n.httpsPort))
		},
	}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+name+"/", nil)
	if err != nil {
		return "", nil, err
	}
	resp, err := client.Do(r)
	if err != nil {
		return "", nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), resp.TLS.PeerCertificates[0], err
}

// mustServe waits until the site serves text, and returns its certificate.
func (n *tlsNode) mustServe(roots *x509.CertPool, name, text string) (leaf *x509.Certificate) {
	n.t.Helper()
	var last error
	defer func() {
		if n.t.Failed() {
			n.t.Logf("%s: %v", name, last)
		}
	}()
	n.waitFor("https://"+name, func() bool {
		var body string
		body, leaf, last = n.ask(roots, name)
		return last == nil && body == text
	})
	return leaf
}

// expectInStore stops the node and looks into its store for the certificate of
// name and its key, and for private keys anywhere else on the disk.
func (n *tlsNode) expectInStore(name string, leaf *x509.Certificate) {
	n.t.Helper()
	n.interrupt()
	node, err := appliance.Open(n.t.Context(), appliance.Config{NodeID: "node1", DataDir: filepath.Join(n.dir, "data")})
	if err != nil {
		n.t.Fatal(err)
	}
	defer node.Close()
	keys, err := node.Storage().List(n.t.Context(), "certificates", true)
	if err != nil {
		n.t.Fatal(err)
	}
	found := map[string]bool{}
	for _, key := range keys {
		base := filepath.Base(key)
		if base != name+".crt" && base != name+".key" {
			continue
		}
		value, err := node.Storage().Load(n.t.Context(), key)
		if err != nil {
			n.t.Fatal(err)
		}
		block, _ := pem.Decode(value)
		found[filepath.Ext(base)] = block != nil && (filepath.Ext(base) == ".key" || bytes.Equal(block.Bytes, leaf.Raw))
	}
	if !found[".crt"] || !found[".key"] {
		n.t.Errorf("the store lacks the certificate or its key: %v among %q", found, keys)
	}
	err = filepath.WalkDir(n.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			if entry != nil && entry.Name() == "data" {
				return fs.SkipDir
			}
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte("PRIVATE KEY")) {
			n.t.Errorf("%s holds a private key", path)
		}
		return err
	})
	if err != nil {
		n.t.Error(err)
	}
}

// TestACMECertificatesAreInTheStore: Caddy gets a certificate from a CA by ACME,
// serves with it, and after a restart, also after a crash, serves with the same.
func TestACMECertificatesAreInTheStore(t *testing.T) {
	n := newTLSNode(t)
	acme := newACMEServer(t, n.httpPort, n.httpsPort)
	n.configure(fmt.Sprintf("acme_ca %s\nacme_ca_root %s", acme.directory, acme.trust), "im.example.test {\n respond \"hello\"\n}")
	n.start()
	first := n.mustServe(acme.roots, "im.example.test", "hello")
	if got := acme.orders.Load(); got != 1 {
		t.Errorf("%d orders for one certificate", got)
	}

	n.kill()
	n.start()
	if again := n.mustServe(acme.roots, "im.example.test", "hello"); !again.Equal(first) {
		t.Error("after a crash the node serves another certificate")
	}
	n.interrupt()
	n.start()
	if again := n.mustServe(acme.roots, "im.example.test", "hello"); !again.Equal(first) {
		t.Error("after a restart the node serves another certificate")
	}
	if got := acme.orders.Load(); got != 1 {
		t.Errorf("after two restarts there were %d orders", got)
	}
	n.expectInStore("im.example.test", first)
}

// TestACertificateIsOrderedAgainAfterTheNodeEnds in the middle of it, while it
// holds the lock: neither a stop nor a crash leaves a lock that keeps the next
// start from going on.
func TestACertificateIsOrderedAgainAfterTheNodeEnds(t *testing.T) {
	n := newTLSNode(t)
	acme := newACMEServer(t, n.httpPort, n.httpsPort)
	n.configure(fmt.Sprintf("acme_ca %s\nacme_ca_root %s", acme.directory, acme.trust), "im.example.test {\n respond \"hello\"\n}")
	acme.down.Store(true)
	for _, end := range []func(){n.kill, n.interrupt} {
		before := acme.refused.Load()
		n.start()
		n.waitFor("the CA to be asked", func() bool { return acme.refused.Load() > before })
		end()
	}
	acme.down.Store(false)
	n.start()
	n.mustServe(acme.roots, "im.example.test", "hello")
	log, err := os.ReadFile(filepath.Join(n.dir, "yizhan.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, complaint := range []string{"unable to clean up lock", "unable to unlock", "cannot give up a lock", "PRIVATE KEY"} {
		if bytes.Contains(log, []byte(complaint)) {
			t.Errorf("the log says %q", complaint)
		}
	}
}

// TestCertificatesOnDemand: a name gets its certificate at the first handshake if
// the operator's endpoint allows it.
func TestCertificatesOnDemand(t *testing.T) {
	n := newTLSNode(t)
	acme := newACMEServer(t, n.httpPort, n.httpsPort)
	permission := permit(t, ".tenant.test")
	n.configure(fmt.Sprintf("acme_ca %s\nacme_ca_root %s\non_demand_tls {\n ask %s\n}", acme.directory, acme.trust, permission.url),
		"https:// {\n tls {\n  on_demand\n }\n respond \"hello {host}\"\n}")
	n.start()
	if _, _, err := n.ask(acme.roots, "stranger.test"); err == nil {
		t.Error("a name that may have no certificate is served")
	}
	if asked, orders := permission.asked.Load(), acme.orders.Load(); asked == 0 || orders != 0 {
		t.Errorf("asked %d times, ordered %d certificates for a stranger", asked, orders)
	}
	first := n.mustServe(acme.roots, "a.tenant.test", "hello a.tenant.test")
	n.mustServe(acme.roots, "b.tenant.test", "hello b.tenant.test")
	if got := acme.orders.Load(); got != 2 {
		t.Errorf("%d orders for two names", got)
	}
	n.interrupt()
	n.start()
	if again := n.mustServe(acme.roots, "a.tenant.test", "hello a.tenant.test"); !again.Equal(first) || acme.orders.Load() != 2 {
		t.Errorf("after a restart: the same certificate %v, %d orders", again.Equal(first), acme.orders.Load())
	}
	n.expectInStore("a.tenant.test", first)
}

// internalRoots are those of the node's internal CA, as its admin endpoint says.
func (n *tlsNode) internalRoots() (pool *x509.CertPool, root string) {
	n.t.Helper()
	var info struct {
		Root string `json:"root_certificate"`
	}
	if err := json.Unmarshal([]byte(n.get("http://"+n.admin+"/pki/ca/local")), &info); err != nil {
		n.t.Fatal(err)
	}
	pool = x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(info.Root)) {
		n.t.Fatalf("no root certificate in %q", info.Root)
	}
	return pool, info.Root
}

// TestTheInternalCAIsInTheStore: its root and the certificates that it has issued
// outlive reloads, restarts and a crash.
func TestTheInternalCAIsInTheStore(t *testing.T) {
	n := newTLSNode(t)
	site := "im.example.test {\n tls internal\n respond \"%s\"\n}"
	n.configure("", fmt.Sprintf(site, "hello"))
	n.start()
	roots, root := n.internalRoots()
	first := n.mustServe(roots, "im.example.test", "hello")
	check := func(when, text string) {
		t.Helper()
		if _, now := n.internalRoots(); now != root {
			t.Errorf("%s the root is another one", when)
		}
		if again := n.mustServe(roots, "im.example.test", text); !again.Equal(first) {
			t.Errorf("%s the certificate is another one", when)
		}
	}

	n.configure("", fmt.Sprintf(site, "reloaded"))
	if err := n.reload(n.file()); err != nil {
		t.Fatal(err)
	}
	check("after a reload", "reloaded")
	good, err := os.ReadFile(n.file())
	if err != nil {
		t.Fatal(err)
	}
	n.configure("", fmt.Sprintf(site, "wrong")+"\nhttps://other.example.test {\n bind 203.0.113.1\n tls internal\n}")
	if err := n.reload(n.file()); err == nil {
		t.Error("a site on a foreign address was accepted")
	}
	check("after a refused reload", "reloaded")
	if err := os.WriteFile(n.file(), good, 0o644); err != nil {
		t.Fatal(err)
	}

	// Looking at a configuration opens nothing, beside the running node.
	if out, err := n.yizhan("validate", "--config", n.file()); err != nil || !strings.Contains(out, "Valid configuration") {
		t.Errorf("validate beside the running node: %v\n%s", err, out)
	}
	if out, err := n.yizhan("adapt", "--validate", "--config", n.file()); err != nil {
		t.Errorf("adapt --validate beside the running node: %v\n%s", err, out)
	}

	n.kill()
	n.start()
	check("after a crash", "reloaded")
	n.interrupt()
	n.start()
	check("after a restart", "reloaded")

	n.expectInStore("im.example.test", first)
}

func TestStorageYizhanWithoutANode(t *testing.T) {
	n := newNode(t)
	file := filepath.Join(n.dir, "Caddyfile")
	if err := os.WriteFile(file, []byte("{\n storage yizhan\n}\nim.example.test {\n tls internal\n}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"validate", "run"} {
		if out, err := n.yizhan(command, "--config", file); exitCode(err) != 1 || !strings.Contains(out, "add the global option yizhan") {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
	}
}
