package chat

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// openPTY makes a pseudo-terminal: what is written to keyboard is typed.
func openPTY(t *testing.T) (keyboard, tty *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { _ = keyboard.Close() })
	fd := int(keyboard.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tty.Close() })
	return keyboard, tty
}

func TestAPersonTypesAtATerminal(t *testing.T) {
	s := newSite(t)
	keyboard, tty := openPTY(t)
	before, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	c := &terminal{t: t, code: make(chan int, 1)}
	c.out.more = make(chan struct{}, 1)
	go func() { _, _ = io.Copy(&c.out, keyboard) }()
	go func() {
		c.code <- Run(t.Context(), []string{"--lbs", s.lbs, "--appkey", "app", "--account", "alice", "--token", s.tokens["alice"], "--to", "bob"}, tty, tty, tty)
	}()
	c.waitFor("* connected")
	bob := s.chat("bob", "--to", "alice").waitFor("* connected")

	typing := func(keys string) {
		t.Helper()
		if _, err := keyboard.WriteString(keys); err != nil {
			t.Fatal(err)
		}
	}
	typing("helpo\x7f\x7flo") // two backspaces
	c.waitFor("lo")
	bob.enter("meanwhile")
	c.waitFor("bob #1: meanwhile")
	typing("!\r")
	bob.waitFor("alice #2: hello!")
	typing("\x03") // Ctrl-C, which a raw terminal gives as a key
	c.wantExit(exitOK)
	after, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	if *after != *before {
		t.Error("the terminal is not as it was")
	}
	if strings.Contains(c.out.String(), s.tokens["alice"]) {
		t.Error("the token is on the screen")
	}
}
