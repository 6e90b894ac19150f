package api_test

import (
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance"
)

func TestDocumentationIsServed(t *testing.T) {
	handler := openNode(t, t.TempDir(), nil).API()
	get := func(method, path string, header ...string) *httptest.ResponseRecorder {
		w, r := httptest.NewRecorder(), httptest.NewRequest(method, path, nil)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		handler.ServeHTTP(w, r)
		return w
	}
	for _, prefix := range []string{"/nimserver", ""} { // the second behind a proxy that strips it
		if w := get("GET", prefix+"/docs"); w.Code != http.StatusPermanentRedirect || w.Header().Get("Location") != "docs/" {
			t.Errorf("%s/docs: %d to %q", prefix, w.Code, w.Header().Get("Location"))
		}
		for name, mime := range map[string]string{
			"": "text/html; charset=utf-8", "page.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8",
			"openapi.json": "application/json",
		} {
			path := prefix + "/docs/" + name
			w := get("GET", path)
			if w.Code != http.StatusOK || w.Header().Get("Content-Type") != mime || w.Body.Len() == 0 {
				t.Errorf("%s: %d, %s, %d bytes", path, w.Code, w.Header().Get("Content-Type"), w.Body.Len())
			}
			if policy := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; script-src 'self';") {
				t.Errorf("%s: policy %q", path, policy)
			}
			if again := get("GET", path, "If-None-Match", w.Header().Get("Etag")); again.Code != http.StatusNotModified {
				t.Errorf("%s: %d though it has not changed", path, again.Code)
			}
			if head := get("HEAD", path); head.Code != http.StatusOK || head.Body.Len() != 0 {
				t.Errorf("HEAD %s: %d with %d bytes", path, head.Code, head.Body.Len())
			}
		}
		for _, name := range []string{"page.html", "../api.go", "docs/page.js", "x"} {
			if w := get("GET", prefix+"/docs/"+name); w.Code != http.StatusNotFound {
				t.Errorf("%s: %d", name, w.Code)
			}
		}
		if w := get("POST", prefix+"/docs/"); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("POST: %d", w.Code)
		}
	}
	if w := get("GET", "/nimserver/docsx"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"code":414`) {
		t.Errorf("another path: %d %s", w.Code, w.Body)
	}
	file, err := os.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if w := get("GET", "/nimserver/docs/openapi.json"); w.Body.String() != string(file) {
		t.Error("the document that is served is not the one that is checked in")
	}
}

func documentationPage(t testing.TB, node *appliance.Node) string {
	t.Helper()
	w := httptest.NewRecorder()
	node.API().ServeHTTP(w, httptest.NewRequest("GET", "/nimserver/docs/", nil))
	return w.Body.String()
}

var (
	resource = regexp.MustCompile(`(?:src|href)="([^"]*)"`)
	article  = regexp.MustCompile(`(?s)<article id="([^"]*)">.*?</article>`)
	shell    = regexp.MustCompile(`(?s)<pre>(.*?)</pre>`)
)

func TestPageShowsEveryActionAndAsksForNothingElsewhere(t *testing.T) {
	page := documentationPage(t, openNode(t, t.TempDir(), nil))
	articles := make(map[string]string)
	for _, found := range article.FindAllStringSubmatch(page, -1) {
		articles[found[1]] = found[0]
	}
	actions := documentedActions(t)
	for name, action := range actions {
		if !strings.Contains(page, `<a href="#`+name+`">`) {
			t.Errorf("no link to %s", name)
		}
		for param := range action.form().Schema.Properties {
			if !strings.Contains(articles[name], "<code>"+param+"</code>") {
				t.Errorf("%s: parameter %s is not shown", name, param)
			}
		}
	}
	if len(articles) != len(actions) {
		t.Errorf("the page shows %d actions, the document has %d", len(articles), len(actions))
	}
	for _, found := range resource.FindAllStringSubmatch(page, -1) {
		switch link := found[1]; {
		case link == "page.css", link == "page.js", link == "openapi.json":
		case strings.HasPrefix(link, "#") && strings.Contains(page, `id="`+link[1:]+`"`):
		default:
			t.Errorf("the page refers to %q", link)
		}
	}
	if strings.Contains(page, "<style") || strings.Contains(page, " style=") || strings.Contains(page, "<script>") {
		t.Error("the page has what its own policy forbids")
	}
}

// TestExampleOfThePageRunsInAShell runs what a reader copies.
func TestExampleOfThePageRunsInAShell(t *testing.T) {
	for _, tool := range []string{"sh", "curl", "sha1sum", "od"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("THE EXAMPLES FOR THE SHELL ARE NOT TESTED: install %s", tool)
		}
	}
	node := openNode(t, t.TempDir(), nil)
	b := newBackend(t, node, appliance.TenantRequest{})
	b.accounts("alice", "bob", "carol")
	server := httptest.NewServer(node.API())
	defer server.Close()
	examples := make(map[string]string)
	for _, found := range article.FindAllStringSubmatch(documentationPage(t, node), -1) {
		examples[found[1]] = html.UnescapeString(shell.FindStringSubmatch(found[0])[1])
	}
	for _, name := range []string{"user/create", "msg/sendMsg", "msg/sendBatchMsg", "user/getUinfos"} {
		command := exec.CommandContext(t.Context(), "sh", "-euc", examples[name])
		command.Env = append(os.Environ(), "URL="+server.URL+"/nimserver", "APPKEY="+b.appKey, "SECRET="+b.secret)
		got, err := command.CombinedOutput()
		if err != nil || !strings.HasPrefix(string(got), `{"code":200,`) {
			t.Errorf("%s: %v: %s\n%s", name, err, got, examples[name])
		}
	}
}
