package main_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// screenshotsEnv names a folder that keeps the screenshots of the tests.
const screenshotsEnv = "YIZHAN_SCREENSHOTS"

// browser is a Chromium with a profile of its own.
type browser struct {
	t     *testing.T
	ctx   context.Context // ends with the browser
	shots string
}

// newBrowser starts a browser, or skips the test where there is none.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("NOT TESTED: the chat in a browser. Install Debian's chromium package.")
	}
	b := &browser{t: t, shots: os.Getenv(screenshotsEnv)}
	if b.shots == "" {
		b.shots = t.TempDir()
	} else if err := os.MkdirAll(b.shots, 0o755); err != nil {
		t.Fatal(err)
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.NoFirstRun,
		chromedp.WSURLReadTimeout(patience),
		chromedp.Flag("headless", "new"),
	}
	for _, flag := range []string{
		"disable-gpu", "disable-quic", "disable-background-networking", "disable-component-update", "disable-sync",
		"disable-dev-shm-usage", "ignore-certificate-errors", "no-default-browser-check",
	} {
		options = append(options, chromedp.Flag(flag, true))
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, _ := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil { // waits for the process
			t.Logf("closing the browser: %v", err)
		}
	})
	b.ctx = ctx
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	return b
}

// tab is one tab of a browser.
type tab struct {
	t    *testing.T
	name string
	b    *browser
	ctx  context.Context

	mu     sync.Mutex
	broken []string // uncaught exceptions, what the page's policy has forbidden
}

// tab opens a page in a new tab, in front of the others.
func (b *browser) tab(name, url string) *tab {
	b.t.Helper()
	tb := &tab{t: b.t, name: name, b: b}
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithListener(tb.listen), chromedp.WithNewWindow(false))
	tb.ctx = ctx
	b.t.Cleanup(func() {
		if b.t.Failed() {
			text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText"))
			b.t.Logf("%s sees (%v):\n%s", name, err, text)
		}
		cancel()
		for _, problem := range tb.problems() {
			b.t.Errorf("%s's page: %s", name, problem)
		}
	})
	// The first run makes the tab, which ends with the context that it is given.
	if err := chromedp.Do(ctx); err != nil {
		b.t.Fatalf("%s: opening a tab: %v", name, err)
	}
	tb.run(chromedp.Navigate(url))
	return tb
}

func (tb *tab) listen(event any) {
	problem := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		problem = e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			problem += " " + e.ExceptionDetails.Exception.Description
		}
	case *log.EventEntryAdded:
		if e.Entry.Source == log.EntrySourceSecurity || strings.Contains(e.Entry.Text, "Content Security Policy") {
			problem = e.Entry.Text
		}
	case *page.EventJavascriptDialogOpening:
		problem = "a script opened a dialog: " + e.Message
	}
	if problem != "" {
		tb.mu.Lock()
		defer tb.mu.Unlock()
		tb.broken = append(tb.broken, problem)
	}
}

func (tb *tab) problems() []string {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	return tb.broken
}

// run does actions, or fails the test.
func (tb *tab) run(actions ...chromedp.Action[chromedp.Void]) {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		tb.t.Fatalf("%s: %v", tb.name, err)
	}
}

// call sends the browser one command for the tab.
func call[P, R any](tb *tab, command cdp.Command[P, R], params P) {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	if _, err := chromedp.Call(ctx, command, params); err != nil {
		tb.t.Fatalf("%s: %s: %v", tb.name, command.Method, err)
	}
}

// eval is what a JavaScript expression gives, as text.
func (tb *tab) eval(expression string) string {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	result, err := chromedp.Run(ctx, chromedp.Evaluate[any](expression))
	if err != nil {
		tb.t.Fatalf("%s: %v\n%s", tb.name, err, expression)
	}
	return fmt.Sprint(result)
}

// waitFor polls until a JavaScript expression is true. Animation frames, with
// which chromedp polls, do not come in a tab that is behind another.
func (tb *tab) waitFor(what, expression string) {
	tb.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(patience)
	for tb.eval("Boolean("+expression+")") != "true" {
		select {
		case <-tick.C:
		case <-timeout:
			tb.front().shot("failed " + tb.name)
			tb.t.Fatalf("%s waited in vain: %s", tb.name, what)
		}
	}
}

// front brings the tab before the others: what is behind is not visible, for a
// page as for a user.
func (tb *tab) front() *tab {
	tb.t.Helper()
	call(tb, page.BringToFront, cdp.Empty{})
	return tb
}

// click clicks the first element that a CSS selector finds, once it is there.
func (tb *tab) click(selector string) {
	tb.t.Helper()
	tb.waitFor("an element "+selector, fmt.Sprintf("document.querySelector(%q)", selector))
	tb.run(chromedp.Click(chromedp.CSS(selector)))
}

// typeText types into what has the focus.
func (tb *tab) typeText(text string) {
	tb.t.Helper()
	call(tb, input.InsertText, input.InsertTextParams{Text: text})
}

// press presses one key. The letter that a key types comes with the event of its
// going down, as from a keyboard, so that a page can prevent it.
func (tb *tab) press(key string, modifiers ...kb.Modifier) {
	tb.t.Helper()
	events := kb.Encode([]rune(key)[0])
	for i, event := range events {
		if event.Type == kb.KeyChar {
			continue
		}
		for _, modifier := range modifiers {
			event.Modifiers |= modifier.Int64()
		}
		if event.Type != kb.KeyUp && i+1 < len(events) && events[i+1].Type == kb.KeyChar {
			event.Type, event.Text, event.UnmodifiedText = kb.KeyDown, events[i+1].Text, events[i+1].UnmodifiedText
		}
		call(tb, input.DispatchKeyEvent, *event)
	}
}

// say writes a message in the open chat or room and sends it with Enter.
func (tb *tab) say(text string) {
	tb.t.Helper()
	tb.click(".composer-input")
	tb.typeText(text)
	tb.press(kb.Enter)
}

// shot keeps a picture of what the tab shows.
func (tb *tab) shot(name string) {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		tb.t.Fatal(err)
	}
	file := strings.ReplaceAll(strings.ToLower(tb.t.Name()+" "+name), " ", "-") + ".png"
	if err := os.WriteFile(filepath.Join(tb.b.shots, file), picture, 0o644); err != nil {
		tb.t.Fatal(err)
	}
}
