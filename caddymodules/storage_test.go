package caddymodules

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// siteConfig is a configuration with its certificates in the node's store, and an
// internal CA, which uses the storage while it is provisioned.
func siteConfig(dir, extra string) string {
	return fmt.Sprintf(`{
		"admin": {"disabled": true, "config": {"persist": false}},
		"logging": {"logs": {"default": {"level": "ERROR"}}},
		"storage": {"module": "yizhan"},
		"apps": {
			"pki": {"certificate_authorities": {"local": {"install_trust": false}}},
			"yizhan": {"data_dir": %q, "drain": 1000000, "link": {"listen": ["127.0.0.1:0"]}}%s
		}
	}`, dir, extra)
}

func validate(t *testing.T, config string) error {
	t.Helper()
	var cfg *caddy.Config
	if err := caddy.StrictUnmarshalJSON([]byte(config), &cfg); err != nil {
		t.Fatal(err)
	}
	return caddy.Validate(cfg)
}

// load runs config as Caddy does, and stops it with the test.
func load(t *testing.T, config string) {
	t.Helper()
	if err := caddy.Load([]byte(config), true); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
	})
}

// references is how many hold the node in dir.
func references(dir string) int {
	n, _ := nodes.References(dir)
	return n
}

func TestStorageYizhanIsAGlobalOptionWithoutOptions(t *testing.T) {
	adapt := func(text string) (string, error) {
		js, _, err := caddyfile.Adapter{ServerType: httpcaddyfile.ServerType{}}.Adapt([]byte(text), nil)
		return string(js), err
	}
	js, err := adapt("{\n storage yizhan\n yizhan\n}")
	if err != nil || !strings.Contains(js, `"storage":{"module":"yizhan"}`) {
		t.Errorf("adapted to %s, %v", js, err)
	}
	for text, complaint := range map[string]string{
		"{\n storage yizhan now\n}":             "argument",
		"{\n storage yizhan {\n  ttl 1h\n }\n}": `unknown option "ttl"`,
	} {
		if js, err := adapt(text); err == nil || !strings.Contains(err.Error(), complaint) {
			t.Errorf("%q: %s %v, want a complaint about %q", text, js, err, complaint)
		}
	}
}

func TestStorageNeedsANode(t *testing.T) {
	for _, config := range []string{`{"storage": {"module": "yizhan"}}`, `{"storage": {"module": "yizhan"}, "apps": {"pki": {}}}`} {
		if err := validate(t, config); err == nil || !strings.Contains(err.Error(), "add the global option yizhan") {
			t.Errorf("%s: %v", config, err)
		}
	}
	err := validate(t, `{"storage": {"module": "yizhan"}, "apps": {"yizhan": {"node_id": "Node 1"}}}`)
	if err == nil || !strings.Contains(err.Error(), "node_id") {
		t.Errorf("a wrong node_id: %v", err)
	}
}

// TestTheStorageOpensTheNode before any app is started, the app takes the same
// one, a reload keeps it, and the last configuration closes it.
func TestTheStorageOpensTheNode(t *testing.T) {
	dir := t.TempDir()
	load(t, siteConfig(dir, ""))
	if got := references(dir); got != 2 { // the storage's and the app's
		t.Errorf("%d references to the node", got)
	}
	node, err := ActiveNode(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// The internal CA was made while the pki app was provisioned.
	const root = "pki/authorities/local/root.crt"
	before, err := node.Storage().Load(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	if storage := caddy.ActiveContext().Storage(); fmt.Sprint(storage) != "yizhan" {
		t.Errorf("Caddy's storage is %v", storage)
	}

	if err := caddy.Load([]byte(siteConfig(dir, "")), true); err != nil {
		t.Fatal(err)
	}
	again, err := ActiveNode(t.Context())
	if err != nil || again != node || references(dir) != 2 {
		t.Errorf("a reload: another node %v, %d references, %v", again != node, references(dir), err)
	}
	if after, err := caddy.ActiveContext().Storage().Load(t.Context(), root); err != nil || string(after) != string(before) {
		t.Errorf("a reload changed the root: %v", err)
	}

	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	if got := references(dir); got != 0 {
		t.Errorf("after the stop there are %d references", got)
	}
	if _, err := node.Storage().List(t.Context(), "", false); err == nil {
		t.Error("the node is still open")
	}

	load(t, siteConfig(dir, ""))
	if after, err := caddy.ActiveContext().Storage().Load(t.Context(), root); err != nil || string(after) != string(before) {
		t.Errorf("a restart changed the root: %v", err)
	}
}

// TestAConfigurationThatFailsGivesTheNodeUp, whether it fails before or after its
// apps are started, and does not disturb the one that runs.
func TestAConfigurationThatFailsGivesTheNodeUp(t *testing.T) {
	dir := t.TempDir()
	broken := map[string]string{
		"provisioning": siteConfig(dir, `, "tls": {"certificates": {"load_files": [{"certificate": "missing.pem", "key": "missing.pem"}]}}`),
		// Nobody can listen on a documentation address (RFC 5737).
		"starting": siteConfig(dir, `, "http": {"servers": {"s": {"listen": ["203.0.113.1:1"]}}}`),
	}
	for when, config := range broken {
		if err := caddy.Load([]byte(config), true); err == nil {
			t.Errorf("%s: the configuration is accepted", when)
		}
		if got := references(dir); got != 0 {
			t.Errorf("%s: %d references are left", when, got)
		}
	}
	load(t, siteConfig(dir, ""))
	for when, config := range broken {
		if err := caddy.Load([]byte(config), true); err == nil {
			t.Errorf("reload, %s: the configuration is accepted", when)
		}
		if got := references(dir); got != 2 {
			t.Errorf("reload, %s: %d references", when, got)
		}
	}
	if keys, err := caddy.ActiveContext().Storage().List(t.Context(), "pki", true); err != nil || len(keys) == 0 {
		t.Errorf("after failed reloads: %q %v", keys, err)
	}
}

// TestAnAutomationPolicyMayNameTheStorage: then it is provisioned once more, by
// the tls app.
func TestAnAutomationPolicyMayNameTheStorage(t *testing.T) {
	dir := t.TempDir()
	load(t, siteConfig(dir, `, "tls": {"automation": {"policies": [{"subjects": ["x.test"], "issuers": [{"module": "internal"}], "storage": {"module": "yizhan"}}]}}`))
	if got := references(dir); got != 3 {
		t.Errorf("%d references to the node", got)
	}
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	if got := references(dir); got != 0 {
		t.Errorf("after the stop there are %d references", got)
	}
}

// TestValidatingOpensNothing: the node may be running in another process.
func TestValidatingOpensNothing(t *testing.T) {
	ValidateOnly()
	defer validateOnly.Store(false)
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	dir := filepath.Join(t.TempDir(), "never made")
	if err := validate(t, siteConfig(dir, "")); err != nil {
		t.Errorf("a good configuration: %v", err)
	}
	if err := validate(t, siteConfig(dir, `, "tls": {"certificates": {"load_files": [{"certificate": "missing.pem", "key": "missing.pem"}]}}`)); err == nil {
		t.Error("a bad configuration is accepted")
	}
	if err := validate(t, `{"storage": {"module": "yizhan"}}`); err == nil {
		t.Error("a storage without a node is accepted")
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("validation made the data folder")
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) != 0 {
		t.Errorf("validation left %v, %v", left, err)
	}
}

// TestLogsShowOnlyItsName: certmagic logs the storage as a value.
func TestLogsShowOnlyItsName(t *testing.T) {
	load(t, siteConfig(t.TempDir(), ""))
	fields := zapcore.NewMapObjectEncoder()
	zap.Any("storage", caddy.ActiveContext().Storage()).AddTo(fields)
	if got := fields.Fields["storage"]; got != "yizhan" {
		t.Errorf("the log has %#v", got)
	}
}
