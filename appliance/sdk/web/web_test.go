// Package web_test runs the TypeScript SDK's own checks and tests, against a fake
// site and against a real node in this process, and its scenarios in a browser.
package web_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance"
	"github.com/yizhan-im/yizhan/appliance/lbs"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// npmTimeout bounds one command of npm, on a machine that does much else.
const npmTimeout = 5 * time.Minute

// workshop is a copy of this folder with its packages installed: the tests write
// nothing into the repository, and disturb nobody who works in it.
var workshop = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "yizhan-web-")
	if err != nil {
		return "", err
	}
	cleanup = append(cleanup, dir)
	for _, name := range []string{"src", "test"} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(name)); err != nil {
			return "", err
		}
	}
	files, err := fs.Glob(os.DirFS("."), "*.*s*") // .json, .ts, .mjs
	if err != nil {
		return "", err
	}
	for _, name := range append(files, ".npmrc") {
		content, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), content, 0o600)
		}
		if err != nil {
			return "", err
		}
	}
	_, err = npm(dir, nil, "ci", "--prefer-offline", "--no-audit", "--no-fund")
	return dir, err
})

var cleanup []string

func TestMain(m *testing.M) {
	code := m.Run()
	for _, dir := range cleanup {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// offline matches what npm says when it cannot reach its registry.
var offline = regexp.MustCompile(`\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH)\b`)

// openWorkshop skips, loudly, where there is no npm or no registry.
func openWorkshop(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("installs packages: not with -short")
	}
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("THE WEB SDK IS NOT TESTED: there is no npm. Install Node.js 20 or later with npm (Debian packages nodejs and npm)")
	}
	dir, err := workshop()
	if err != nil && offline.MatchString(err.Error()) {
		t.Skipf("THE WEB SDK IS NOT TESTED: npm cannot reach its registry: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// npm runs one command of npm and returns what it wrote; an error has it too.
func npm(dir string, env []string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), npmTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	cmd.Env = append(cmd.Env, "NO_COLOR=1", "CI=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("npm %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// site is a node with a tenant and the accounts alice and bob.
type site struct {
	url, appKey string
	tokens      map[string]string

	dir  string
	node atomic.Pointer[appliance.Node]
	shut atomic.Bool // answers requests to the gateway with 503

	mu    sync.Mutex
	conns map[net.Conn]bool // all that are open, under mu
}

func (s *site) openNode(t *testing.T) {
	t.Helper()
	node, err := appliance.Open(t.Context(), appliance.Config{NodeID: "node1", DataDir: s.dir})
	if err != nil {
		t.Fatal(err)
	}
	s.node.Store(node)
}

// restart stops the node as an operator does, who gives clients the time drain
// to move, and starts it again. Meanwhile clients are refused.
func (s *site) restart(t *testing.T, drain time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if drain > 0 {
		s.node.Load().Drain(ctx, drain)
	}
	if err := s.node.Load().Close(); err != nil {
		t.Fatal(err)
	}
	s.openNode(t)
}

// cut closes all connections.
func (s *site) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		_ = conn.Close()
	}
	clear(s.conns)
}

// track keeps conns. A connection that became a WebSocket stays in it to the end:
// nobody tells when it is closed.
func (s *site) track(conn net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.conns[conn] = true
	case http.StateClosed:
		delete(s.conns, conn)
	}
}

// openSite starts a node whose gateway is at /socket.io/ and whose LBS at /lbs; it
// also serves files, if there are any.
func openSite(t *testing.T, files http.Handler) *site {
	t.Helper()
	s := &site{dir: t.TempDir(), tokens: map[string]string{}, conns: map[net.Conn]bool{}}
	s.openNode(t)
	mux := http.NewServeMux()
	server := httptest.NewUnstartedServer(mux)
	server.Config.ConnState = s.track
	server.Start()
	t.Cleanup(func() {
		err := s.node.Load().Close()
		server.Close()
		if err != nil {
			t.Errorf("closing the node: %v", err)
		}
	})
	host, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	mux.HandleFunc("/socket.io/", func(w http.ResponseWriter, r *http.Request) {
		if s.shut.Load() {
			http.Error(w, "the gateway is shut", http.StatusServiceUnavailable)
			return
		}
		s.node.Load().WebLink().ServeHTTP(w, r)
	})
	points := []lbs.AccessPoint{{Transport: "weblink", Address: net.JoinHostPort(host, port)}}
	mux.HandleFunc("/lbs", func(w http.ResponseWriter, r *http.Request) { s.node.Load().LBS(points).ServeHTTP(w, r) })
	mux.HandleFunc("/files/", func(w http.ResponseWriter, r *http.Request) { s.node.Load().Files().ServeHTTP(w, r) })
	mux.HandleFunc("POST /backend/room", s.createRoom)
	mux.HandleFunc("POST /backend/broadcast", s.sendBroadcast)
	if files != nil {
		mux.Handle("/", files)
	}
	node := s.node.Load()
	tenant, err := node.CreateTenant(t.Context(), appliance.TenantRequest{})
	s.url, s.appKey = server.URL, tenant.AppKey
	for _, account := range []string{"alice", "bob"} {
		token, e := node.App().CreateAccount(t.Context(), tenant.AppKey, account, "", nil)
		s.tokens[account], err = token, errors.Join(err, e)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// createRoom is what the tenant's backend does for the scenarios: it registers a room
// for the account by, and answers its number.
func (s *site) createRoom(w http.ResponseWriter, r *http.Request) {
	name := "studio"
	created, err := s.node.Load().App().ChangeRoom(r.Context(), s.appKey, &state.RoomChange{
		Op: state.RoomCreate, By: r.FormValue("by"), ClientID: r.FormValue("id"), Info: &wire.RoomChanges{Name: &name},
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprint(w, state.RoomID(created.Room))
}

// sendBroadcast tells all accounts the text of the form, which is kept for an hour.
func (s *site) sendBroadcast(w http.ResponseWriter, r *http.Request) {
	b := &wire.Broadcast{Body: r.FormValue("body"), Offline: true}
	if _, err := s.node.Load().App().SendBroadcast(r.Context(), s.appKey, "", b, 1); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

func TestLint(t *testing.T) {
	if out, err := npm(openWorkshop(t), nil, "run", "lint"); err != nil {
		t.Error(err)
	} else {
		t.Log(out)
	}
}

// TestSDK runs the unit tests, and the scenarios against the fake site and a node.
func TestSDK(t *testing.T) {
	dir := openWorkshop(t)
	s := openSite(t, nil)
	out, err := npm(dir, []string{
		"YIZHAN_TEST_URL=" + s.url, "YIZHAN_TEST_APPKEY=" + s.appKey,
		"YIZHAN_TEST_ALICE=alice:" + s.tokens["alice"], "YIZHAN_TEST_BOB=bob:" + s.tokens["bob"],
		"YIZHAN_TEST_BACKEND=" + s.url + "/backend",
	}, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Log(out)
	if strings.Contains(out, "skipped") {
		t.Error("some tests were skipped although there is a node")
	}
}

// TestLockfileNamesNoRegistry keeps addresses of somebody's registry out of the
// repository: npm takes the one that it is configured for.
func TestLockfileNamesNoRegistry(t *testing.T) {
	lock, err := os.ReadFile("package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(lock), `"resolved"`) {
		t.Error("package-lock.json has resolved addresses: make it with the .npmrc of this folder (npm install)")
	}
}
