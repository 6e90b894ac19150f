package main_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestQuickstartServesTheChat looks at the site for browsers as a machine that
// trusts the node's authority.
func TestQuickstartServesTheChat(t *testing.T) {
	n := newNode(t).start()
	if out := n.out.String(); !strings.Contains(out, n.site()+"\n") || !strings.Contains(out, "trust --address "+n.admin) {
		t.Errorf("quickstart does not say where the chat is:\n%s", out)
	}
	var authority struct {
		Root string `json:"root_certificate"`
	}
	if err := json.Unmarshal([]byte(n.get("http://"+n.admin+"/pki/ca/local")), &authority); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(authority.Root)) {
		t.Fatalf("yizhan trust would get no certificate: %q", authority.Root)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	t.Cleanup(client.CloseIdleConnections)
	get := func(url string) (*http.Response, string) {
		t.Helper()
		resp, err := client.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(body)
	}
	for _, site := range []string{n.site(), "https://" + n.https + "/"} {
		resp, body := get(site)
		if resp.StatusCode != http.StatusOK || resp.Request.URL.Path != "/chat/" || !strings.Contains(body, "<title>Yizhan</title>") {
			t.Errorf("%s leads to %s: %s", site, resp.Request.URL, resp.Status)
		}
		resp, body = get(site + "lbs?k=demo&transport=weblink")
		if want := `"address":"` + strings.TrimSuffix(strings.TrimPrefix(site, "https://"), "/") + `"`; resp.StatusCode != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("LBS at %s does not lead browsers to it: %s", site, body)
		}
	}
	d := n.demo()
	_, users := get(n.site() + "chat/demo.json")
	for _, account := range []string{"alice", "bob", "carol"} {
		if !strings.Contains(users, d.Tokens[account]) {
			t.Errorf("the page cannot offer %s: %s", account, users)
		}
	}
	if strings.Contains(users, d.AppSecret) {
		t.Error("the page gets the tenant's secret")
	}
	if resp, _ := get(n.site() + "nothing"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("/nothing: %s", resp.Status)
	}
	for _, name := range []string{"demo.json", "demo-users.json"} {
		if info, err := os.Stat(filepath.Join(n.dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v, want a file for its owner only", name, info, err)
		}
	}
}

// TestQuickstartKnowsAnOlderFolder starts a folder whose Caddyfile has no chat.
func TestQuickstartKnowsAnOlderFolder(t *testing.T) {
	n := newNode(t)
	old := "{\n admin {$YIZHAN_ADMIN}\n yizhan {\n  data_dir {$YIZHAN_DIR}/data\n  link {$YIZHAN_LINK}\n }\n}\nhttp://:{$YIZHAN_HTTP_PORT} {\n yizhan_lbs\n}\n"
	if err := os.WriteFile(filepath.Join(n.dir, "Caddyfile"), []byte(old), 0o644); err != nil {
		t.Fatal(err)
	}
	n.start()
	if out := n.out.String(); !strings.Contains(out, "has no yizhan_chat") || strings.Contains(out, n.https) {
		t.Errorf("quickstart tells of a chat that is not there:\n%s", out)
	}
}
