package chat

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance"
	"github.com/yizhan-im/yizhan/appliance/lbs"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// patience is how long a test waits for a real node.
const patience = 30 * time.Second

// site is a real node in this process with two accounts.
type site struct {
	t      *testing.T
	node   *appliance.Node
	lbs    string
	tokens map[string]string
}

func newSite(t *testing.T) *site {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	node, err := appliance.Open(ctx, appliance.Config{NodeID: "node1", DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = node.ServeLink(l)
	}()
	t.Cleanup(func() { _ = l.Close(); <-served })
	web := httptest.NewServer(node.LBS([]lbs.AccessPoint{{Transport: "link", Address: l.Addr().String()}}))
	t.Cleanup(web.Close)
	s := &site{t: t, node: node, lbs: web.URL, tokens: map[string]string{}}
	if _, err := node.CreateTenant(ctx, appliance.TenantRequest{AppKey: "app", Name: "Test"}); err != nil {
		t.Fatal(err)
	}
	for _, account := range []string{"alice", "bob"} {
		if s.tokens[account], err = node.App().CreateAccount(ctx, "app", account, "", &wire.Profile{Name: "The " + account}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// terminal is a chat that a test types into.
type terminal struct {
	t    *testing.T
	in   *io.PipeWriter
	out  output
	stop context.CancelFunc
	code chan int
}

// output collects what a chat prints.
type output struct {
	mu   sync.Mutex
	b    bytes.Buffer
	more chan struct{} // one token: there is more
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.more <- struct{}{}:
	default:
	}
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func (s *site) chat(account string, args ...string) *terminal {
	ctx, cancel := context.WithCancel(context.Background())
	in, typed := io.Pipe()
	c := &terminal{t: s.t, in: typed, stop: cancel, code: make(chan int, 1)}
	c.out.more = make(chan struct{}, 1)
	args = append([]string{"--lbs", s.lbs, "--appkey", "app", "--account", account, "--token", s.tokens[account]}, args...)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.code <- Run(ctx, args, in, &c.out, &c.out)
	}()
	s.t.Cleanup(func() {
		cancel()
		<-ended
		_ = in.Close()
	})
	return c
}

func (c *terminal) enter(lines ...string) *terminal {
	c.t.Helper()
	for _, line := range lines {
		if _, err := io.WriteString(c.in, line+"\n"); err != nil {
			c.t.Fatal(err)
		}
	}
	return c
}

// waitFor waits until text has been printed.
func (c *terminal) waitFor(texts ...string) *terminal {
	c.t.Helper()
	timeout := time.After(patience)
	for _, text := range texts {
		for !strings.Contains(c.out.String(), text) {
			select {
			case <-c.out.more:
			case <-timeout:
				c.t.Fatalf("it does not print %q:\n%s", text, c.out.String())
			}
		}
	}
	return c
}

func (c *terminal) wantExit(code int) {
	c.t.Helper()
	select {
	case got := <-c.code:
		if got != code {
			c.t.Errorf("exit code %d, want %d:\n%s", got, code, c.out.String())
		}
	case <-time.After(patience):
		c.t.Fatalf("it does not end:\n%s", c.out.String())
	}
}

func TestTwoTerminalsChat(t *testing.T) {
	s := newSite(t)
	alice := s.chat("alice", "--to", "bob").waitFor("* connected")
	bob := s.chat("bob", "--to", "Alice").waitFor("* connected")

	alice.enter("hello").waitFor("you → bob #1: hello")
	bob.waitFor("alice #1: hello")
	alice.waitFor("* bob has read up to #1")
	bob.enter("hello yourself", "//not a command").waitFor("#3: /not a command")
	alice.waitFor("bob #2: hello yourself")
	alice.enter("/recall 1").waitFor("#4: [took back #1]")
	bob.waitFor("alice #4: [took back #1]")
	bob.enter("/history 4").waitFor("#1: [taken back]", "* 4 earlier messages with alice")
	bob.enter("/who alice", "/who").waitFor("name The alice", "name The bob")
	bob.enter("/convs").waitFor("* alice: 4 messages")
	bob.enter("/read 4").waitFor("* read up to #4")
	bob.enter("/kick").waitFor("* no other device")
	bob.enter("/debug").waitFor("account bob, device ", "* log on")
	bob.enter("/help").waitFor("/recall [SEQ]")
	bob.enter("/quit")
	bob.wantExit(exitOK)

	_ = alice.in.Close()
	alice.wantExit(exitOK)
}

func TestMistakesAreExplained(t *testing.T) {
	s := newSite(t)
	c := s.chat("alice").waitFor("* connected")
	for line, complaint := range map[string]string{
		"hello": "/to ACCOUNT", "/histroy": "no command /histroy", "/who nobody": "no account nobody", "/to": "to whom", "/kick x": "not a session",
	} {
		c.enter(line).waitFor(complaint)
	}
	c.enter("/to nobody", "hello").waitFor("* talking to nobody", "not sent: 404")
	c.enter("/recall", "/read", "/history x", "/recall 0").waitFor("sent nothing", "nothing has been shown", `"x" is not a number`, `"0" is not a number`)
	c.enter("/quit")
	c.wantExit(exitFailed)
}

func TestAPipeSendsAndEnds(t *testing.T) {
	s := newSite(t)
	t.Setenv("YIZHAN_TOKEN", s.tokens["alice"])
	var out bytes.Buffer
	args := []string{"--lbs", s.lbs, "--appkey", "app", "--account", "alice", "--to", "bob"}
	if code := Run(t.Context(), args, strings.NewReader("one\n\ntwo\n"), &out, &out); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	for _, line := range []string{"you → bob #1: one\n", "you → bob #2: two\n"} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("%q is not in\n%s", line, out.String())
		}
	}
}

func TestAStateFileShowsWhatWasMissed(t *testing.T) {
	s := newSite(t)
	state := filepath.Join(t.TempDir(), "bob")
	alice := s.chat("alice", "--to", "bob").waitFor("* connected")
	alice.enter("one").waitFor("#1: one")
	bob := s.chat("bob", "--to", "alice", "--state-file", state).waitFor("alice #1: one")
	_ = bob.in.Close()
	bob.wantExit(exitOK)

	alice.enter("two", "three").waitFor("#3: three")
	bob = s.chat("bob", "--to", "alice", "--state-file", state).waitFor("* 1 earlier messages with alice", "#3: three", "* connected")
	for _, line := range []string{"alice #1: one", "alice #2: two", "alice #3: three"} {
		if n := strings.Count(bob.out.String(), line); n != 1 {
			t.Errorf("%q is printed %d times:\n%s", line, n, bob.out.String())
		}
	}
	// A second process must not use the same file.
	second := s.chat("bob", "--state-file", state)
	second.waitFor("in use")
	second.wantExit(exitFailed)
	bob.enter("/quit")
	bob.wantExit(exitOK)
}

func TestOtherConversationsOfANewDeviceAreCounted(t *testing.T) {
	s := newSite(t)
	alice := s.chat("alice", "--to", "bob").waitFor("* connected")
	alice.enter("one", "two").waitFor("#2: two")
	bob := s.chat("bob").waitFor("* 2 earlier with alice", "* connected")
	alice.enter("three")
	bob.waitFor("alice #3: three")
	if strings.Contains(bob.out.String(), "#1: one") {
		t.Errorf("printed:\n%s", bob.out.String())
	}
	_ = bob.in.Close()
	bob.wantExit(exitOK)
}

func TestStayAfterTheInputEndsUntilInterrupted(t *testing.T) {
	s := newSite(t)
	bob := s.chat("bob", "--stay", "--no-receipts", "--to", "alice")
	_ = bob.in.Close()
	bob.waitFor("* connected")
	alice := s.chat("alice", "--to", "bob").enter("are you there?")
	bob.waitFor("are you there?")
	bob.stop() // as Ctrl-C does
	bob.wantExit(exitOK)
	alice.enter("/quit")
	alice.wantExit(exitOK)
	if strings.Contains(alice.out.String(), "has read") {
		t.Errorf("a receipt was sent:\n%s", alice.out.String())
	}
}

func TestKickedAndRefusedEndWithTheirCodes(t *testing.T) {
	s := newSite(t)
	first := s.chat("alice", "--device", "one").waitFor("* connected")
	second := s.chat("alice", "--device", "two").waitFor("* connected")
	first.waitFor("another device of this account logged in (two)")
	first.wantExit(exitKicked)
	second.enter("/quit")
	second.wantExit(exitOK)

	s.tokens["alice"] = "wrong"
	refused := s.chat("alice").waitFor("* stopped: ", "302")
	refused.wantExit(exitRefused)
}

func TestKickingAnotherDevice(t *testing.T) {
	s := newSite(t)
	desk := s.chat("alice", "--device", "desk").waitFor("* connected")
	phone := s.chat("alice", "--platform", "ios").waitFor("also online: session ", "device desk", "(/kick ")
	out := phone.out.String()
	_, rest, _ := strings.Cut(out, "(/kick ")
	session, _, _ := strings.Cut(rest, ")")
	phone.enter("/kick", "/kick "+session).waitFor("is ended")
	desk.wantExit(exitKicked)
	phone.enter("/quit")
	phone.wantExit(exitOK)
}

func TestOfflineIsShownAndCommandsTimeOut(t *testing.T) {
	s := newSite(t)
	s.lbs = "http://127.0.0.1:1/lbs" // a port that nobody listens on
	c := s.chat("alice", "--to", "bob", "--timeout", "100ms").waitFor("* offline: asking LBS", "next attempt in")
	c.enter("hello").waitFor("not sent: ")
	_ = c.in.Close()
	c.wantExit(exitFailed)
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"--help", exitOK, "Exit code: 0"},
		{"", exitUsage, "--lbs, --appkey, --account, --token (or YIZHAN_TOKEN) missing"},
		{"--lbs http://x --appkey k --account a --token t hello", exitUsage, `unexpected argument "hello"`},
		{"--lbs http://x --appkey k --account a --token t --platform pigeon", exitUsage, "pigeon"},
		{"--lbs http://x --appkey k --account a --token t --timeout -1s", exitUsage, "--timeout"},
		{"--lbs x --appkey k --account a --token t", exitFailed, "LBS must be a URL"},
		{"--color", exitUsage, "color"},
	} {
		var out bytes.Buffer
		if code := Run(t.Context(), strings.Fields(c.args), strings.NewReader(""), &out, &out); code != c.code || !strings.Contains(out.String(), c.want) {
			t.Errorf("%q: exit code %d, want %d with %q:\n%s", c.args, code, c.code, c.want, out.String())
		}
	}
}

func TestTextOfOthersCannotControlTheTerminal(t *testing.T) {
	if got, want := clean("a\x1b[2Jb\r\nc\td\u202ee\u0085"), "a�[2Jb�⏎c d�e�"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPlainStreamsAreNotATerminal(t *testing.T) {
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	c, err := newConsole(file, file)
	if err != nil || c.terminal != nil {
		t.Errorf("%v, %v", c, err)
	}
}
