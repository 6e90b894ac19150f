package api_test

import (
	"context"
	"net/http/httptest"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browserTimeout bounds the life of the browser, on a machine that does much
// else.
const browserTimeout = 2 * time.Minute

// TestPageInABrowser: the page's script runs under its policy, and searches.
func TestPageInABrowser(t *testing.T) {
	browser := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "headless-shell"} {
		if path, err := exec.LookPath(name); err == nil {
			browser = path
			break
		}
	}
	if browser == "" {
		t.Skip("THE API'S PAGE IS NOT TESTED IN A BROWSER: install Chromium (Debian package chromium)")
	}
	server := httptest.NewServer(openNode(t, t.TempDir(), nil).API())
	defer server.Close()
	page := openPage(t, browser, server.URL+"/nimserver/docs/")

	count := func(selector string) int {
		t.Helper()
		n, err := chromedp.Run(page.ctx, chromedp.Evaluate[int](`document.querySelectorAll("`+selector+`").length`))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	search := func(words string) {
		t.Helper()
		_, err := chromedp.Run(page.ctx, chromedp.Evaluate[bool](
			`{ const field = document.getElementById("search"); field.value = "`+words+`"; field.dispatchEvent(new Event("input")); true }`))
		if err != nil {
			t.Fatal(err)
		}
	}
	all := len(documentedActions(t))
	if shown := count("article:not([hidden])"); shown != all {
		t.Errorf("the page shows %d of %d actions", shown, all)
	}
	if buttons := count(".shell button"); buttons != all+1 {
		t.Errorf("%d buttons to copy, want %d", buttons, all+1)
	}
	if settings := page.text(t, "settings"); settings != "URL="+server.URL+"/nimserver\nAPPKEY=… SECRET=…" {
		t.Errorf("the settings are %q", settings)
	}
	search("DELETEMSGID msg/recall")
	if shown, listed := count("article:not([hidden])"), count("nav li:not([hidden])"); shown != 1 || listed != 1 || count(`[id='msg/recall']:not([hidden])`) != 1 {
		t.Errorf("found %d actions and %d links, want msg/recall alone", shown, listed)
	}
	if groups := count("main .group:not([hidden])"); groups != 1 {
		t.Errorf("%d groups are shown", groups)
	}
	search("xyzzy")
	if shown := count("article:not([hidden])"); shown != 0 || page.text(t, "found")[0] != '0' {
		t.Errorf("%d actions are found: %s", shown, page.text(t, "found"))
	}
	search("")
	if shown := count("article:not([hidden])"); shown != all {
		t.Errorf("after the search %d of %d actions are shown", shown, all)
	}
	if complaints := page.complaints(); len(complaints) > 0 {
		t.Errorf("the browser complains: %q", complaints)
	}
}

// browserPage is an open page.
type browserPage struct {
	ctx context.Context

	mu   sync.Mutex
	said []string
}

// openPage starts a browser with an empty profile that ends with the test.
func openPage(t *testing.T, browser, url string) *browserPage {
	t.Helper()
	ctx, cancelTimeout := context.WithTimeout(t.Context(), browserTimeout)
	ctx, cancelAllocator := chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(browser),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.NoSandbox, // CI runs as root
	)...)
	ctx, cancel := chromedp.NewContext(ctx)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx)
		cancel()
		cancelAllocator()
		cancelTimeout()
	})
	page := &browserPage{ctx: ctx}
	err := chromedp.Listen(ctx, func(event any) {
		page.mu.Lock()
		defer page.mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			page.said = append(page.said, e.ExceptionDetails.Text)
		case *log.EventEntryAdded:
			page.said = append(page.said, e.Entry.Text)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		t.Fatal(err)
	}
	return page
}

func (p *browserPage) complaints() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said
}

func (p *browserPage) text(t *testing.T, id string) string {
	t.Helper()
	text, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`document.getElementById("`+id+`").textContent`))
	if err != nil {
		t.Fatal(err)
	}
	return text
}
