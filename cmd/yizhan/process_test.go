package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is the yizhan built for these tests.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "yizhan-test-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "yizhan")
		build := exec.Command("go", "build", "-o", binary, ".")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building yizhan: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// patience is how long a test waits for a process to do what it should.
const patience = 60 * time.Second

// node is a yizhan process made by quickstart, in a folder of its own.
type node struct {
	t                        *testing.T
	dir                      string
	https, http, link, admin string

	cmd  *exec.Cmd
	out  *syncBuffer
	done chan error
}

// demoFile is quickstart's demo.json.
type demoFile struct {
	AppKey    string            `json:"app_key"`
	AppSecret string            `json:"app_secret"`
	Tokens    map[string]string `json:"tokens"`
}

func newNode(t *testing.T) *node {
	n := &node{t: t, dir: t.TempDir()}
	addresses := freeAddresses(t, 4)
	n.https, n.http, n.link, n.admin = addresses[0], addresses[1], addresses[2], addresses[3]
	t.Cleanup(func() {
		if n.cmd != nil {
			n.kill()
		}
		if t.Failed() && n.out != nil {
			t.Logf("output:\n%s", n.out)
			if log, err := os.ReadFile(filepath.Join(n.dir, "yizhan.log")); err == nil {
				t.Logf("end of the log:\n%s", log[max(0, len(log)-8<<10):])
			}
		}
	})
	return n
}

// start runs the node and waits until it says what to try next.
func (n *node) start() *node {
	n.t.Helper()
	n.run()
	n.waitFor("Yizhan is running", func() bool { return strings.Contains(n.out.String(), "Yizhan is running") })
	return n
}

func (n *node) run() {
	n.t.Helper()
	n.out = new(syncBuffer)
	n.cmd = exec.Command(binary, "quickstart", "--dir", n.dir, "--https", n.https, "--http", n.http, "--link", n.link, "--admin", n.admin)
	n.cmd.Stdout, n.cmd.Stderr = n.out, n.out
	n.cmd.Dir = n.dir
	if err := n.cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	cmd, done := n.cmd, make(chan error, 1)
	n.done = done
	go func() { done <- cmd.Wait() }()
}

// kill ends the process as a crash would.
func (n *node) kill() {
	_ = n.cmd.Process.Kill()
	<-n.done
	n.cmd = nil
}

// interrupt is Ctrl-C; the process must end by itself, without an error.
func (n *node) interrupt() {
	n.t.Helper()
	if err := n.cmd.Process.Signal(os.Interrupt); err != nil {
		n.t.Fatal(err)
	}
	select {
	case err := <-n.done:
		if err != nil {
			n.t.Fatalf("after Ctrl-C: %v", err)
		}
		n.cmd = nil
	case <-time.After(patience):
		_ = n.cmd.Process.Signal(syscall.SIGQUIT) // prints the stacks
		n.t.Fatal("still running after Ctrl-C")
	}
}

// waitFor polls until the process has done something; it fails when the process
// has ended.
func (n *node) waitFor(what string, done func() bool) {
	n.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(patience)
	for !done() {
		select {
		case <-tick.C:
		case err := <-n.done:
			n.done <- err
			n.t.Fatalf("the node ended (%v) before: %s", err, what)
		case <-timeout:
			n.t.Fatalf("waited %s in vain: %s", patience, what)
		}
	}
}

func (n *node) demo() demoFile {
	n.t.Helper()
	var d demoFile
	b, err := os.ReadFile(filepath.Join(n.dir, "demo.json"))
	if err == nil {
		err = json.Unmarshal(b, &d)
	}
	if err != nil {
		n.t.Fatal(err)
	}
	return d
}

// log is what the node has logged.
func (n *node) log() string {
	n.t.Helper()
	b, err := os.ReadFile(filepath.Join(n.dir, "yizhan.log"))
	if err != nil {
		n.t.Fatal(err)
	}
	return string(b)
}

func (n *node) lbs() string { return "http://" + n.http + "/lbs" }

// yizhan runs another command of the binary, with the node's environment, and
// returns all that it prints.
func (n *node) yizhan(args ...string) (string, error) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	host, port, _ := net.SplitHostPort(n.http)
	httpsHost, httpsPort, _ := net.SplitHostPort(n.https)
	cmd.Env = append(os.Environ(), "YIZHAN_DIR="+n.dir, "YIZHAN_HTTP_HOST="+host, "YIZHAN_HTTP_PORT="+port,
		"YIZHAN_HTTPS_HOST="+httpsHost, "YIZHAN_HTTPS_PORT="+httpsPort, "YIZHAN_LINK="+n.link, "YIZHAN_ADMIN="+n.admin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// caddyfile is the node's own, with text replaced, as a new file.
func (n *node) caddyfile(oldnew ...string) string {
	n.t.Helper()
	b, err := os.ReadFile(filepath.Join(n.dir, "Caddyfile"))
	if err != nil {
		n.t.Fatal(err)
	}
	for i := 0; i < len(oldnew); i += 2 {
		if !bytes.Contains(b, []byte(oldnew[i])) {
			n.t.Fatalf("the Caddyfile has no %q", oldnew[i])
		}
	}
	file := filepath.Join(n.t.TempDir(), "Caddyfile")
	if err := os.WriteFile(file, []byte(strings.NewReplacer(oldnew...).Replace(string(b))), 0o644); err != nil {
		n.t.Fatal(err)
	}
	return file
}

// reload loads another Caddyfile into the running node.
func (n *node) reload(file string) error {
	n.t.Helper()
	out, err := n.yizhan("reload", "--config", file, "--address", n.admin)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

func (n *node) get(url string) string {
	n.t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		n.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		n.t.Fatalf("GET %s: %s, %v\n%s", url, resp.Status, err, b)
	}
	return string(b)
}

// freeAddresses finds ports that nobody uses now. They are below those that the
// kernel gives to outgoing connections (32768 and up, ip(7)), which would
// sometimes take one before the process under test has it.
func freeAddresses(t *testing.T, count int) []string {
	t.Helper()
	var addresses []string
	for try := 0; len(addresses) < count; try++ {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 12_000+rand.IntN(20_000)))
		if err != nil {
			if try > 1000 {
				t.Fatal(err)
			}
			continue
		}
		defer l.Close()
		addresses = append(addresses, l.Addr().String())
	}
	return addresses
}

// syncBuffer is a buffer that a process writes and a test reads.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// exitCode is that of a command that ran, -1 of one that did not.
func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	return -1
}

// terminal is a `yizhan chat` that a test types into.
type terminal struct {
	t    *testing.T
	in   io.WriteCloser
	out  *syncBuffer
	done chan error
}

func (n *node) chat(args ...string) *terminal {
	n.t.Helper()
	term := &terminal{t: n.t, out: new(syncBuffer), done: make(chan error, 1)}
	cmd := exec.Command(binary, args...)
	cmd.Stdout, cmd.Stderr = term.out, term.out
	var err error
	if term.in, err = cmd.StdinPipe(); err == nil {
		err = cmd.Start()
	}
	if err != nil {
		n.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		term.done <- cmd.Wait()
		close(ended)
	}()
	n.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	return term
}

func (c *terminal) enter(line string) {
	c.t.Helper()
	if _, err := io.WriteString(c.in, line+"\n"); err != nil {
		c.t.Fatal(err)
	}
}

// waitFor waits until the client has printed text.
func (c *terminal) waitFor(text string) {
	c.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(patience)
	for !strings.Contains(c.out.String(), text) {
		select {
		case <-tick.C:
		case <-timeout:
			c.t.Fatalf("the client does not print %q:\n%s", text, c.out)
		}
	}
}

// wait waits for the client to end.
func (c *terminal) wait() error {
	select {
	case err := <-c.done:
		return err
	case <-time.After(patience):
		return errors.New("still running")
	}
}
