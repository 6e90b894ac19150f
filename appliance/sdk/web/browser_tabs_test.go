package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// tab is a tab of a browser with the SDK loaded and no client in it.
type tab struct {
	t   *testing.T
	ctx context.Context
	s   *site
}

func openTab(t *testing.T, ctx context.Context, s *site) *tab {
	t.Helper()
	p := &tab{t, ctx, s}
	if err := chromedp.Do(ctx, chromedp.Navigate(s.url+"/browser-test.html?idle")); err != nil {
		t.Fatal(err)
	}
	return p
}

// during is the tab in a subtest.
func (p *tab) during(t *testing.T) *tab { return &tab{t, p.ctx, p.s} }

// eval runs an async function's body in the page and returns what it returns.
func eval[T any](p *tab, body string, args ...any) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, pageTimeout)
	defer cancel()
	script := "(async () => {" + fmt.Sprintf(body, args...) + "})()"
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v", script, err)
	}
	return v
}

// never is a pause that outlasts the test: only waking ends it.
const never = 4 * pageTimeout

// client makes window.client for an account, which pauses before it reconnects.
func (p *tab) client(account string, pause time.Duration, connect bool) {
	p.t.Helper()
	options, err := json.Marshal(map[string]any{
		"endpoint": p.s.url, "appKey": p.s.appKey, "account": account, "token": p.s.tokens[account],
		"minBackoffMs": pause.Milliseconds(), "maxBackoffMs": pause.Milliseconds(),
	})
	if err != nil {
		p.t.Fatal(err)
	}
	eval[bool](p, `
		window.client = new yizhan.Client(%s);
		window.heard = [];
		client.on("message", (m) => heard.push(m.body));
		client.on("kicked", (k) => { window.kicked = k; });
		await client.load();
		if (%t) await client.connect();
		return true;`, options, connect)
}

// until waits for a condition in the page.
func (p *tab) until(condition string) {
	p.t.Helper()
	_, err := chromedp.Run(p.ctx, chromedp.Poll[bool](condition,
		chromedp.WithPollingTimeout(time.Minute), chromedp.WithPollingInterval(20*time.Millisecond)))
	if err != nil {
		p.t.Fatalf("waited in vain for %s: %v", condition, err)
	}
}

// TestTabs: what only a browser can show, a reload, the network's events and a
// second tab.
func TestTabs(t *testing.T) {
	dir := openWorkshop(t)
	if _, err := npm(dir, nil, "run", "build"); err != nil {
		t.Fatal(err)
	}
	browser := findBrowser()
	if browser == "" {
		t.Skip("THE WEB SDK IS NOT TESTED IN A BROWSER: install Chromium (Debian package chromium)")
	}
	s := openSite(t, http.FileServer(http.Dir(filepath.Join(dir, "dist"))))
	page := openTab(t, openBrowser(t, browser), s)

	t.Run("what was written without a connection is sent after a reload", func(t *testing.T) {
		first := page.during(t)
		first.client("alice", never, true)
		device := eval[string](first, `
			client.open("bob").send("one");
			await new Promise((done) => client.on("message", done));
			return (await navigator.locks.query()).held[0].name.split(" ").at(-1);`)
		eval[bool](first, `client.open("bob").send("two"); return true;`)
		first.until(`heard.length === 2`)
		s.shut.Store(true)
		s.cut()
		first.until(`client.state === "waiting"`)
		eval[bool](first, `client.open("bob").send("three"); return true;`)
		eval[bool](first, `
			const [{ name }] = await indexedDB.databases();
			const store = new yizhan.IndexedDBStore(name.replace(/^yizhan /, ""));
			while ((await store.load()).outbox.length === 0) {
				await new Promise((done) => setTimeout(done, 5));
			}
			store.close();
			return true;`)
		if err := chromedp.Do(first.ctx, chromedp.Reload()); err != nil {
			t.Fatal(err)
		}
		first.client("alice", never, false)
		got := eval[[]string](first, `
			const chat = client.open("bob");
			const { messages } = await chat.history();
			return [...messages.map((m) => m.body), ...chat.pending().map((o) => o.body + " " + o.state)];`)
		if want := []string{"one", "two", "three sending"}; !equal(got, want) {
			t.Errorf("after the reload, without a connection, the page shows %q, want %q", got, want)
		}
		s.shut.Store(false)
		eval[bool](first, `await client.connect(); return true;`)
		first.until(`heard.length === 1 && heard[0] === "three"`)
		again := eval[string](first, `return (await navigator.locks.query()).held[0].name.split(" ").at(-1);`)
		if again != device || !strings.HasSuffix(device, "-0") {
			t.Errorf("the device is %q, was %q before the reload", again, device)
		}
	})

	t.Run("the network's return is noticed at once", func(t *testing.T) {
		first := page.during(t)
		online := func(is bool) {
			t.Helper()
			state := network.OverrideNetworkStateParams{Offline: !is, DownloadThroughput: -1, UploadThroughput: -1}
			if _, err := chromedp.Call(first.ctx, network.OverrideNetworkState, state); err != nil {
				t.Fatal(err)
			}
		}
		online(false)
		s.shut.Store(true)
		s.cut()
		first.until(`client.state === "waiting" && !navigator.onLine`)
		eval[bool](first, `client.open("bob").send("offline"); return true;`)
		s.shut.Store(false)
		online(true)
		first.until(`client.state === "connected" && heard.at(-1) === "offline"`)
	})

	t.Run("a second tab takes over, and the first knows that it was this browser", func(t *testing.T) {
		first := page.during(t)
		ctx, cancel := chromedp.NewContext(first.ctx)
		defer cancel()
		second := openTab(t, ctx, s)
		second.client("alice", never, true)
		first.until(`client.state === "kicked" && kicked.bySameBrowser`)
		shown := eval[int](second, `return (await client.open("bob").history()).messages.length;`)
		if shown != 4 {
			t.Errorf("the second tab shows %d messages of the shared store, want 4", shown)
		}
	})

	t.Run("a node that restarts twice, gently and not, loses and doubles nothing", func(t *testing.T) {
		ctx, cancel := chromedp.NewContext(page.ctx)
		defer cancel()
		sender := openTab(t, ctx, s)
		receiver := page.during(t)
		sender.client("alice", 50*time.Millisecond, true)
		receiver.client("bob", 50*time.Millisecond, true)
		const n = 300
		eval[bool](sender, `
			window.sent = 0;
			window.ticking = setInterval(() => {
				client.open("bob").send("tick " + ++sent);
				if (sent === %d) clearInterval(ticking);
			}, 10);
			return true;`, n)
		sender.until(`heard.length > 20`)
		s.restart(t, 200*time.Millisecond)
		sender.until(`heard.length > 120`)
		s.restart(t, 0)
		sender.until(fmt.Sprintf(`heard.length >= %d`, n))
		receiver.until(fmt.Sprintf(`heard.filter((text) => text.startsWith("tick")).length >= %d`, n))
		for _, p := range []*tab{sender, receiver} {
			got := eval[[]string](p, `return heard.filter((text) => text.startsWith("tick"));`)
			if len(got) != n {
				t.Errorf("%d messages, want %d", len(got), n)
			}
			for i, text := range got {
				if want := fmt.Sprintf("tick %d", i+1); text != want {
					t.Fatalf("message %d is %q, want %q", i, text, want)
				}
			}
		}
	})
}

func equal(a, b []string) bool { return strings.Join(a, "\n") == strings.Join(b, "\n") }
