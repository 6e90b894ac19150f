package matrix

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance"
	"github.com/yizhan-im/yizhan/appliance/secure"
)

// patience bounds every wait for what must happen; no test needs it to pass.
const patience = 20 * time.Second

// node is the one that all scenarios share.
var node struct {
	*appliance.Node
	dir     string // of its data
	linkKey []byte
	link    string // address of Link
	web     string // URL of WebLink
	api     string // URL of the HTTP API
	log     lockedBuffer
}

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := runAll(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "matrix:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// runAll runs the tests while the node runs.
func runAll(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "matrix")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	node.dir = dir
	logger := slog.New(slog.NewTextHandler(&node.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	node.Node, err = appliance.Open(context.Background(), appliance.Config{NodeID: "node1", DataDir: dir, Logger: logger})
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, node.Close()) }()
	if node.linkKey, err = secure.ParsePublicKey(node.Status().LinkKey); err != nil {
		return 1, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 1, err
	}
	node.link = l.Addr().String()
	var serving sync.WaitGroup
	serving.Go(func() { _ = node.ServeLink(l) })
	defer serving.Wait()
	defer l.Close()
	web := httptest.NewServer(http.HandlerFunc(node.WebLink().ServeHTTP))
	defer web.Close()
	defer web.CloseClientConnections()
	api := httptest.NewServer(node.API())
	defer api.Close()
	node.web, node.api = web.URL+"/socket.io/", api.URL+"/nimserver/"

	code = m.Run()
	if all := used.missing(); code == 0 && flag.Lookup("test.run").Value.String() == "" && len(all) > 0 {
		return code, fmt.Errorf("no scenario has used\n\t%s", strings.Join(all, "\n\t"))
	}
	if log := node.log.String(); strings.Contains(log, secretText) || strings.Contains(log, secretToken) {
		return code, errors.New("the node's log holds texts or tokens")
	}
	return code, nil
}

// What scenarios put into everything that must not be logged.
const (
	secretText  = "t3xt"
	secretToken = "t0ken"
)

// lockedBuffer is a bytes.Buffer for a logger.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
