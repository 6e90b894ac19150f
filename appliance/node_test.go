package appliance_test

import (
	"encoding/json"
	"errors"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance"
	"github.com/yizhan-im/yizhan/appliance/lbs"
	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// newTenant creates a tenant with accounts whose token is "token".
func newTenant(t testing.TB, node *appliance.Node, accounts ...string) appliance.TenantInfo {
	t.Helper()
	tenant, err := node.CreateTenant(t.Context(), appliance.TenantRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, account := range accounts {
		if _, err := node.App().CreateAccount(t.Context(), tenant.AppKey, account, "token", nil); err != nil {
			t.Fatal(err)
		}
	}
	return tenant
}

func TestAccountsChatAndMissNothingOverARestart(t *testing.T) {
	dir := t.TempDir()
	node := openNode(t, dir)
	appKey := newTenant(t, node, "alice", "bob").AppKey
	address := listen(t, node)

	alice := login(t, node, address, appKey, "alice", "token")
	bob := login(t, node, address, appKey, "bob", "token")
	if s := node.Status(); s.Connections != 2 || s.Sessions != 2 {
		t.Errorf("status: %d connections, %d sessions, want 2 and 2", s.Connections, s.Sessions)
	}
	sent := alice.send("bob", "first")
	var got wire.MessagePush
	bob.push(wire.PushMessage, &got)
	if m := got.Message; m.GetBody() != "first" || m.GetFrom() != "alice" || m.GetSeq() != sent.Seq || m.GetId() != sent.Id {
		t.Errorf("bob gets %v, alice had sent %v", m, sent)
	}

	bob.want(wire.CmdLogout, &wire.LogoutRequest{}, nil)
	alice.send("bob", "second")
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	alice.wantClosed()

	node = openNode(t, dir)
	bob = login(t, node, listen(t, node), appKey, "bob", "token")
	var sync wire.SyncResponse
	bob.want(wire.CmdSync, &wire.SyncRequest{}, &sync)
	if len(sync.Conversations) != 1 || sync.Conversations[0].LastSeq != 2 {
		t.Fatalf("sync after the restart: %v", &sync)
	}
	var history wire.HistoryResponse
	bob.want(wire.CmdHistory, &wire.HistoryRequest{Peer: "alice", FromSeq: 1, ToSeq: 2}, &history)
	if len(history.Messages) != 2 || history.Messages[0].Body != "first" || history.Messages[1].Body != "second" {
		t.Errorf("history after the restart: %v", &history)
	}
}

func TestDrainTellsClientsToGo(t *testing.T) {
	node := openNode(t, t.TempDir())
	appKey := newTenant(t, node, "alice").AppKey
	alice := login(t, node, listen(t, node), appKey, "alice", "token")

	drained := make(chan struct{})
	go func() {
		defer close(drained)
		node.Drain(t.Context(), 0)
	}()
	var goAway wire.GoAwayPush
	alice.push(wire.PushGoAway, &goAway)
	alice.conn.Close()
	select {
	case <-drained:
	case <-time.After(patience):
		t.Fatal("Drain waits for nobody")
	}
	if n := node.Status().Connections; n != 0 {
		t.Errorf("%d connections after Drain", n)
	}
}

func TestReconfigureHoldsForNewConnections(t *testing.T) {
	node := openNode(t, t.TempDir())
	appKey := newTenant(t, node, "alice", "bob").AppKey
	address := listen(t, node)
	alice := login(t, node, address, appKey, "alice", "token")

	node.Reconfigure(appliance.LinkConfig{MaxConnections: 1}, appliance.WebLinkConfig{}, 0)
	if _, err := dial(t, node, address); err == nil {
		t.Error("a second connection is served with a limit of one")
	}
	alice.send("bob", "still here")

	node.Reconfigure(appliance.LinkConfig{}, appliance.WebLinkConfig{}, 0)
	login(t, node, address, appKey, "bob", "token")
}

func TestFullDiskRefusesWritesServesReadsAndRecovers(t *testing.T) {
	node := openNode(t, t.TempDir())
	appKey := newTenant(t, node, "alice", "bob").AppKey
	alice := login(t, node, listen(t, node), appKey, "alice", "token")
	alice.send("bob", "before")

	node.Reconfigure(appliance.LinkConfig{}, appliance.WebLinkConfig{}, 1<<62)
	eventually(t, "writes are refused", func() bool { return node.Status().Store.RefusingWrites })
	if code := alice.do(wire.CmdSend, &wire.SendRequest{To: "bob", ClientId: "full", Body: "full"}, nil); code != wire.CodeBusy {
		t.Errorf("sending on a full disk: code %d, want 503", code)
	}
	if text := node.Status().Store.String(); !strings.Contains(text, "disk is full") {
		t.Errorf("status: %s", text)
	}
	var history wire.HistoryResponse
	alice.want(wire.CmdHistory, &wire.HistoryRequest{Peer: "bob"}, &history)
	if len(history.Messages) != 1 {
		t.Errorf("history on a full disk: %v", &history)
	}

	node.Reconfigure(appliance.LinkConfig{}, appliance.WebLinkConfig{}, 1)
	eventually(t, "writes are accepted", func() bool { return !node.Status().Store.RefusingWrites })
	alice.send("bob", "after")
}

func TestLBSNamesTheNode(t *testing.T) {
	node := openNode(t, t.TempDir())
	appKey := newTenant(t, node).AppKey
	handler := node.LBS([]lbs.AccessPoint{{Transport: lbs.TransportLink, Address: ":7400"}})
	ask := func(appKey string) (answer lbs.Response) {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "http://im.example.com/lbs?k="+appKey, nil))
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
		return answer
	}
	answer := ask(appKey)
	if answer.Code != wire.CodeOK || answer.LinkKey != node.Status().LinkKey || answer.AccessPoints[0].Address != "im.example.com:7400" {
		t.Errorf("LBS: %+v", answer)
	}
	if answer := ask("nobody"); answer.Code != wire.CodeNotFound {
		t.Errorf("LBS for an unknown appkey: %+v", answer)
	}
}

// TestMetricsSurviveAReload: a new configuration has a new registry, and for a
// moment both are there.
func TestMetricsSurviveAReload(t *testing.T) {
	node := openNode(t, t.TempDir())
	newTenant(t, node)
	for range 2 {
		reg := prometheus.NewRegistry()
		if err := reg.Register(node.Registry()); err != nil {
			t.Fatal(err)
		}
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		if len(families) < 10 {
			t.Errorf("only %d metrics", len(families))
		}
		for _, family := range families {
			if name := family.GetName(); !strings.HasPrefix(name, "yizhan_") && !strings.HasPrefix(name, "raftstore_") {
				t.Errorf("metric %s is named like nothing of ours", name)
			}
		}
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	open := func(id, dir string) error {
		node, err := appliance.Open(t.Context(), appliance.Config{NodeID: id, DataDir: dir})
		if err == nil {
			t.Errorf("a node %q opens in %s", id, dir)
			_ = node.Close()
		}
		return err
	}
	for _, id := range []string{"", "Node1", "a_b", "-a", "a-", strings.Repeat("a", 64)} {
		if err := open(id, t.TempDir()); err == nil || !strings.Contains(err.Error(), "node id") {
			t.Errorf("node id %q: %v", id, err)
		}
	}

	dir := t.TempDir()
	openNode(t, dir)
	if err := open("node1", dir); !errors.Is(err, raftstore.ErrInUse) {
		t.Errorf("the folder of a running node: %v", err)
	}

	dir = t.TempDir()
	if err := openNode(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	if err := open("node2", dir); !errors.Is(err, raftstore.ErrForeignState) {
		t.Errorf("the folder of another node: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "link.key"), []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open("node1", dir); err == nil || !strings.Contains(err.Error(), "link key") {
		t.Errorf("a damaged key: %v", err)
	}

	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open("node1", file); err == nil || !strings.Contains(err.Error(), "data folder") {
		t.Errorf("a file in the place of the folder: %v", err)
	}
}

func TestLinkKeyStays(t *testing.T) {
	dir := t.TempDir()
	node := openNode(t, dir)
	key := node.Status().LinkKey
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	if err := node.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
	if again := openNode(t, dir).Status().LinkKey; key == "" || again != key {
		t.Errorf("link key %q, after a restart %q", key, again)
	}
}

func TestCloseLeavesNoGoroutineBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	node := openNode(t, t.TempDir())
	appKey := newTenant(t, node, "alice").AppKey
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- node.ServeLink(l) }()
	alice := login(t, node, l.Addr().String(), appKey, "alice", "token")
	l.Close()
	if err := <-served; !errors.Is(err, net.ErrClosed) {
		t.Errorf("ServeLink: %v", err)
	}
	alice.send("alice", "the connection outlives its listener")
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all goroutines have ended", func() bool { return runtime.NumGoroutine() <= before })
}

func TestStatus(t *testing.T) {
	node := openNode(t, t.TempDir())
	s := node.Status()
	if s.NodeID != "node1" || node.ID() != "node1" || s.DiskFreeBytes == 0 || s.Store.Leader != "node1" || s.Store.Error != "" {
		t.Errorf("status: %+v", s)
	}
	if text := s.Store.String(); !strings.HasPrefix(text, "Leader, log at ") {
		t.Errorf("store: %s", text)
	}
	if err := node.Snapshot(t.Context()); err != nil {
		t.Errorf("snapshot: %v", err)
	}
}
