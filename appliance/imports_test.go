package appliance_test

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/yizhan-im/yizhan/"

// importRules says, for each part of the tree, what it may not import. A rule
// holds for the package and everything below it. DESIGN: caddymodules →
// appliance → raftstore; wasm and plugins implement interfaces that appliance
// declares; nothing but commands imports caddymodules.
var importRules = []struct {
	of        string
	forbidden []string
	allowed   []string // when set, of our own packages only these
	why       string
}{
	{of: "appliance/", forbidden: []string{"github.com/caddyserver/", module + "caddymodules", module + "wasm", module + "plugins", module + "cmd", module + "images"},
		why: "the IM core runs without Caddy and does not know its extensions"},
	{of: "raftstore", forbidden: []string{module + "appliance", module + "caddymodules", module + "wasm", module + "plugins", "github.com/caddyserver/"},
		why: "the replicated store knows nothing of IM"},
	{of: "wasm", forbidden: []string{module + "caddymodules", "github.com/caddyserver/"}, why: "extensions do not know Caddy"},
	{of: "plugins", forbidden: []string{module + "caddymodules", "github.com/caddyserver/"}, why: "extensions do not know Caddy"},
	{of: "caddymodules", forbidden: []string{module + "cmd"}, why: "modules do not know the commands"},

	{of: "appliance/wire", allowed: []string{"appliance/wire"}, why: "the schema stands alone"},
	{of: "appliance/secure", allowed: []string{"appliance/secure", "appliance/wire"}, why: "the handshake stands alone; only its dictionary builder knows the schema"},
	{of: "appliance/session", allowed: []string{"appliance/session", "appliance/wire"}, why: "sessions know neither sockets nor storage"},
	{of: "appliance/room", allowed: []string{"appliance/room", "appliance/session", "appliance/wire"}, why: "rooms know connections, neither sockets nor who may enter"},
	{of: "appliance/eventlog", allowed: []string{"appliance/eventlog", "appliance/limitlog", "appliance/state", "appliance/wire", "raftstore"}, why: "a queue in front of the store knows no sessions"},
	{of: "appliance/presence", allowed: []string{"appliance/presence", "appliance/limitlog", "appliance/session", "appliance/wire"}, why: "presence knows sessions, not who may see them"},
	{of: "appliance/limitlog", allowed: []string{"appliance/limitlog"}, why: "a logger stands alone"},
	{of: "appliance/flush", allowed: []string{"appliance/flush"}, why: "a list of those who have something to write stands alone"},
	{of: "appliance/tcp", allowed: []string{"appliance/tcp"}, why: "sockets know no protocol"},
	{of: "appliance/source", allowed: []string{"appliance/source"}, why: "a count stands alone"},
	{of: "appliance/roster", allowed: []string{"appliance/roster"}, why: "a list stands alone"},
	{of: "appliance/link", allowed: []string{"appliance/roster", "appliance/source", "appliance/tcp", "appliance/flush", "appliance/limitlog", "appliance/link", "appliance/secure", "appliance/session", "appliance/wire"}, why: "a gateway knows handlers, not what they do"},
	{of: "appliance/weblink/engine", allowed: []string{"appliance/roster", "appliance/source", "appliance/tcp", "appliance/flush", "appliance/limitlog", "appliance/session", "appliance/weblink/engine", "appliance/weblink/engineio", "appliance/weblink/websocket"}, why: "a transport does not know what it carries"},
	{of: "appliance/weblink", allowed: []string{"appliance/roster", "appliance/source", "appliance/tcp", "appliance/flush", "appliance/limitlog", "appliance/session", "appliance/weblink", "appliance/wire"}, why: "a gateway knows handlers, not what they do"},
	{of: "appliance/weblink/engineio", allowed: []string{"appliance/weblink/engineio"}, why: "the codec stands alone"},
	{of: "appliance/matrix", allowed: []string{"appliance/matrix"}, why: "it has tests only; the appliance uses nothing of it"},
	{of: "appliance/weblink/interop", allowed: []string{"appliance/weblink/interop"}, why: "it has tests only; the appliance uses nothing of it"},
	{of: "appliance/weblink/socket", allowed: []string{"appliance/weblink/engine", "appliance/weblink/engineio", "appliance/weblink/socket", "appliance/weblink/socketio", "appliance/weblink/websocket"}, why: "namespaces know the transport below and nothing above"},
	{of: "appliance/weblink/socketio", allowed: []string{"appliance/weblink/socketio"}, why: "the codec stands alone"},
	{of: "appliance/weblink/websocket", allowed: []string{"appliance/weblink/websocket"}, why: "the codec stands alone"},
	{of: "appliance/state", allowed: []string{"appliance/state", "appliance/wire", "raftstore"}, why: "the state machine knows only its store"},
	{of: "appliance/sitestore", allowed: []string{"appliance/sitestore", "appliance/state", "appliance/wire", "raftstore"}, why: "the storage for certificates knows neither Caddy nor the node"},
	{of: "appliance/search", allowed: []string{"appliance/search", "appliance/state", "appliance/wire", "raftstore"}, why: "the index reads the state and decides nothing"},
	{of: "appliance/janitor", allowed: []string{"appliance/janitor", "appliance/state", "appliance/wire", "raftstore"}, why: "who cleans up reads the state and proposes commands"},
	{of: "appliance/fanout", allowed: []string{"appliance/fanout", "appliance/session", "appliance/state", "appliance/wire"}, why: "delivery reads results and finds sessions"},
	{of: "appliance/app", allowed: []string{"appliance/app", "appliance/eventlog", "appliance/fanout", "appliance/limitlog", "appliance/presence", "appliance/room", "appliance/session", "appliance/state", "appliance/wire", "raftstore"}, why: "handlers do not know gateways"},
	{of: "appliance/callback", allowed: []string{"appliance/app", "appliance/callback", "appliance/limitlog", "appliance/state", "appliance/wire"}, why: "who asks a backend knows what app wants to know"},
	{of: "appliance/files", allowed: []string{"appliance/files", "appliance/limitlog", "appliance/wire"}, why: "files know neither messages nor the node"},
	{of: "appliance/lbs", allowed: []string{"appliance/lbs", "appliance/wire"}, why: "where to connect is a question of configuration"},
	{of: "appliance/api", allowed: []string{"appliance/api", "appliance/app", "appliance/files", "appliance/lbs", "appliance/presence", "appliance/session", "appliance/state", "appliance/wire"}, why: "the HTTP API calls the handlers, as a gateway does"},
	{of: "appliance/sdk", allowed: []string{"appliance/sdk", "appliance/link/channel", "appliance/secure", "appliance/session", "appliance/wire"}, why: "an app that uses the SDK does not carry the server"},
}

func TestImportDirections(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	checked := 0
	for line := range bytes.Lines(out) {
		fields := strings.Fields(string(line))
		pkg, imports := strings.TrimPrefix(fields[0], module), fields[1:]
		for _, rule := range importRules {
			if !within(pkg, rule.of) {
				continue
			}
			checked++
			for _, imported := range imports {
				if breaks(imported, rule.forbidden, rule.allowed) {
					t.Errorf("%s imports %s: %s", pkg, imported, rule.why)
				}
			}
		}
	}
	if checked < len(importRules) {
		t.Errorf("only %d rules met a package: has the layout moved?", checked)
	}
}

func within(pkg, tree string) bool {
	return pkg == strings.TrimSuffix(tree, "/") || strings.HasPrefix(pkg, strings.TrimSuffix(tree, "/")+"/")
}

func breaks(imported string, forbidden, allowed []string) bool {
	for _, prefix := range forbidden {
		if strings.HasPrefix(imported, prefix) {
			return true
		}
	}
	own, isOwn := strings.CutPrefix(imported, module)
	if !isOwn || allowed == nil {
		return false
	}
	for _, tree := range allowed {
		if within(own, tree) {
			return false
		}
	}
	return true
}
