package web_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// pageTimeout bounds all scenarios together, on a machine that does much else;
// browserTimeout the whole life of the browser.
const (
	pageTimeout    = 5 * time.Minute
	browserTimeout = pageTimeout + time.Minute
)

// results is window.__results of test/browser.ts.
type results struct {
	Done    bool `json:"done"`
	Results []struct {
		Name  string `json:"name"`
		OK    bool   `json:"ok"`
		Error string `json:"error"`
		Ms    int    `json:"ms"`
	} `json:"results"`
}

// TestInABrowser builds the SDK and runs the scenarios in a page of a real
// browser, with its own IndexedDB, Web Locks and WebSockets, against a node.
func TestInABrowser(t *testing.T) {
	dir := openWorkshop(t)
	if _, err := npm(dir, nil, "run", "build"); err != nil {
		t.Fatal(err)
	}
	browser := findBrowser()
	if browser == "" {
		t.Skip("THE WEB SDK IS NOT TESTED IN A BROWSER: install Chromium (Debian package chromium)")
	}
	s := openSite(t, http.FileServer(http.Dir(filepath.Join(dir, "dist"))))
	place, err := json.Marshal(map[string]any{
		// Over LBS; its answer is of a test, without TLS.
		"site":    map[string]any{"appKey": s.appKey, "lbs": s.url + "/lbs", "insecure": true},
		"backend": s.url + "/backend",
		"alice":   map[string]string{"account": "alice", "token": s.tokens["alice"]},
		"bob":     map[string]string{"account": "bob", "token": s.tokens["bob"]},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx := openBrowser(t, browser)
	if err := chromedp.Do(ctx, chromedp.Navigate(s.url+"/browser-test.html?place="+url.QueryEscape(string(place)))); err != nil {
		t.Fatal(err)
	}
	_, err = chromedp.Run(ctx, chromedp.Poll[bool](`window.__results?.done`,
		chromedp.WithPollingTimeout(pageTimeout), chromedp.WithPollingInterval(100*time.Millisecond)))
	if err != nil {
		t.Errorf("the page does not come to its end: %v", err)
	}
	got, err := chromedp.Run(ctx, chromedp.Evaluate[results](`window.__results`))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range got.Results {
		if r.OK {
			t.Logf("%s (%d ms)", r.Name, r.Ms)
		} else {
			t.Errorf("%s: %s", r.Name, r.Error)
		}
	}
	if len(got.Results) < 25 {
		t.Errorf("only %d scenarios ran", len(got.Results))
	}
}

func findBrowser() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "headless-shell"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// openBrowser starts a browser with an empty profile that ends with the test.
// What its pages throw is logged.
func openBrowser(t *testing.T, path string) context.Context {
	ctx, cancelTimeout := context.WithTimeout(t.Context(), browserTimeout)
	ctx, cancelAllocator := chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
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
	err := chromedp.Listen(ctx, func(event any) {
		if e, ok := event.(*runtime.EventExceptionThrown); ok {
			t.Logf("the page: %v", e.ExceptionDetails)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}
