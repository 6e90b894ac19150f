package api_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance"
)

// uploaded is the answer of both uploads.
type uploaded struct {
	Code int
	Desc string
	URL  string
	Link string
	File struct {
		Name, URL, MD5, Ext string
		Size                int64
	}
}

// raw calls an action with this body.
func (b *backend) raw(action, contentType string, body io.Reader) string {
	b.t.Helper()
	r := httptest.NewRequest("POST", "/nimserver/"+action+".action", body)
	r.Header.Set("Content-Type", contentType)
	b.sign(r, rand.Text(), time.Now())
	return b.do(r)
}

// form is a multipart body with a file between two parameters.
func form(name string, content []byte) (contentType string, body *bytes.Buffer) {
	body = new(bytes.Buffer)
	w := multipart.NewWriter(body)
	_ = w.WriteField("TAG", "party") // a Buffer takes everything
	part, _ := w.CreateFormFile("content", name)
	_, _ = part.Write(content)
	_ = w.WriteField("expiresec", "86400")
	_ = w.Close()
	return w.FormDataContentType(), body
}

// get downloads a link from the node.
func (b *backend) get(link string) *httptest.ResponseRecorder {
	b.t.Helper()
	w := httptest.NewRecorder()
	b.node.Files().ServeHTTP(w, httptest.NewRequest("GET", link, nil))
	return w
}

func (b *backend) stored() string {
	b.t.Helper()
	tenants, err := b.node.Tenants(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	for _, t := range tenants {
		if t.AppKey == b.appKey {
			return fmt.Sprintf("%d/%d", t.FilesStored, t.FileBytesStored)
		}
	}
	return "no tenant"
}

func (b *backend) wantStored(want string) {
	b.t.Helper()
	if got := b.stored(); got != want {
		b.t.Errorf("%s files and bytes are counted, want %s", got, want)
	}
}

func TestUploadsOfABackend(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{})
	content := bytes.Repeat([]byte("\xfb\xff plus + and / "), 5000)
	encoded := base64.StdEncoding.EncodeToString(content)
	for name, answer := range map[string]string{
		"base64":                 b.call("msg/upload", "content", encoded, "ishttps", "true", "type", "text/plain", "tag", "x"),
		"base64 with spaces":     b.raw("msg/upload", "application/x-www-form-urlencoded", strings.NewReader("&tag=x&content="+url.QueryEscape(strings.ReplaceAll(encoded, "+", " "))+"&isHttps=true")),
		"base64, some unescaped": b.raw("msg/upload", "application/x-www-form-urlencoded", strings.NewReader("isHttps=true&CONTENT="+strings.ReplaceAll(encoded, "=", "%3d"))),
	} {
		up := decode[uploaded](t, answer)
		if up.Code != 200 || !strings.HasPrefix(up.URL, "https://example.com/files/o/") || up.File.URL != up.URL || up.File.Size != int64(len(content)) {
			t.Errorf("%s: %s", name, answer)
			continue
		}
		if w := b.get(up.Link); w.Code != http.StatusOK || !bytes.Equal(w.Body.Bytes(), content) {
			t.Errorf("%s: HTTP %d with %d bytes", name, w.Code, w.Body.Len())
		}
		if w := b.get(up.URL); w.Code == http.StatusOK {
			t.Errorf("%s: the address opens without a signature", name)
		}
	}
	contentType, body := form("übung.TXT", content)
	up := decode[uploaded](t, b.raw("msg/fileUpload", contentType, body))
	if up.Code != 200 || up.File.Name != "übung.TXT" || up.File.Ext != "txt" || !strings.HasPrefix(up.URL, "http://") {
		t.Errorf("multipart: %+v", up)
	}
	if w := b.get(up.Link); !bytes.Equal(w.Body.Bytes(), content) {
		t.Error("multipart: another content")
	}
	contentType, body = form("../../e\u202etc.png", content)
	if up := decode[uploaded](t, b.raw("msg/fileUpload", contentType, body)); up.File.Name != "etc.png" {
		t.Errorf("a name that is none: %+v", up)
	}
	b.wantStored(fmt.Sprintf("5/%d", 5*len(content)))
}

func TestUploadsThatAreRefused(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{APIPerSecond: 1000})
	const formType = "application/x-www-form-urlencoded"
	large := base64.StdEncoding.EncodeToString(make([]byte, 15<<20+1))
	for name, c := range map[string]struct {
		contentType, body, desc string
		code                    int
	}{
		"no content":      {formType, "tag=x", "parameter content is missing", 414},
		"name only":       {formType, "content", "parameter content is missing", 414},
		"no base64":       {formType, "content=%25%25", "parameter content is not base64", 414},
		"cut short":       {formType, "content=YWJj%3", "the body is not form-urlencoded", 414},
		"bad escape":      {formType, "content=YWJj%zz", "the body is not form-urlencoded", 414},
		"more behind it":  {formType, "content=YWI%3dYWI%3d", "parameter content is not base64", 414},
		"twice":           {formType, "content=YWJj&content=YWJj", "parameter content is given twice", 414},
		"semicolon":       {formType, "a;b=c&content=YWJj", "the body is not form-urlencoded", 414},
		"tag":             {formType, "content=YWJj&tag=" + strings.Repeat("x", 33), "parameter tag has more than 32 characters", 414},
		"life":            {formType, "content=YWJj&expireSec=86399", "parameter expireSec is not a number from 86400 to 3153600000", 414},
		"long value":      {formType, "x=" + strings.Repeat("y", 70_000) + "&content=YWJj", "the parameters beside content have more than 65536 bytes", 414},
		"long name":       {formType, strings.Repeat("y", 70_000) + "=x&content=YWJj", "the parameters beside content have more than 65536 bytes", 414},
		"many parameters": {formType, strings.Repeat("y=x&", 65) + "content=YWJj", "there are more than 64 parameters", 414},
		"too large":       {formType, "content=" + url.QueryEscape(large), "the file has more than 15728640 bytes", 414},
		"body too large":  {formType, "content=YWJj&x=" + strings.Repeat("%59", 12<<20), "the parameters beside content have more than 65536 bytes", 414},
		"another form":    {"multipart/form-data; boundary=x", "--x--\r\n", "Content-Type must be application/x-www-form-urlencoded;charset=utf-8", 414},
	} {
		b.t = t
		want := fmt.Sprintf(`{"code":%d,"desc":%q}`, c.code, c.desc)
		if got := b.raw("msg/upload", c.contentType, strings.NewReader(c.body)); got != want {
			t.Errorf("%s: %.200s, want %s", name, got, want)
		}
	}
	part := func(header, content string) string {
		return "--x\r\nContent-Disposition: form-data; " + header + "\r\n\r\n" + content + "\r\n"
	}
	const end, multi = "--x--\r\n", "multipart/form-data; boundary=x"
	for name, c := range map[string]struct {
		contentType, body, desc string
		code                    int
	}{
		"no content":      {multi, part(`name="tag"`, "x") + end, "parameter content is missing", 414},
		"nothing":         {multi, "", "the body ended too early", 415},
		"no boundary":     {"multipart/form-data", "", "Content-Type must be multipart/form-data with a boundary", 414},
		"urlencoded":      {formType, "content=YWJj", "Content-Type must be multipart/form-data with a boundary", 414},
		"twice":           {multi, part(`name="content"`, "x") + part(`name="content"`, "x") + end, "parameter content is given twice", 414},
		"cut short":       {multi, part(`name="content"`, "x"), "the body ended too early", 415},
		"no end":          {multi, part(`name="content"`, "x")[:40], "parameter content is missing", 414},
		"long value":      {multi, part(`name="tag"`, strings.Repeat("y", 70_000)) + end, "the parameters beside content have more than 65536 bytes", 414},
		"many parameters": {multi, strings.Repeat(part(`name="y"`, "x"), 65) + end, "there are more than 64 parameters", 414},
		"too large":       {multi, part(`name="content"`, strings.Repeat("\x00", 15<<20+1)) + end, "the file has more than 15728640 bytes", 414},
	} {
		want := fmt.Sprintf(`{"code":%d,"desc":%q}`, c.code, c.desc)
		if got := b.raw("msg/fileUpload", c.contentType, strings.NewReader(c.body)); got != want {
			t.Errorf("%s: %.200s, want %s", name, got, want)
		}
	}
	b.wantStored("0/0")
	if n := decode[uploaded](t, b.call("msg/upload", "content", "YWJj")).Code; n != 200 {
		t.Errorf("after all that: code %d", n)
	}
}

// TestUploadsAreNotHeldInMemory: a file goes to disk as it comes.
func TestUploadsAreNotHeldInMemory(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{})
	const size = 15 << 20
	large := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	contentType, parts := form("large", large)
	encoded := []byte("content=" + url.QueryEscape(base64.StdEncoding.EncodeToString(large)))
	for name, c := range map[string]struct {
		action, contentType string
		body                []byte
	}{
		"base64":    {"msg/upload", "application/x-www-form-urlencoded", encoded},
		"multipart": {"msg/fileUpload", contentType, parts.Bytes()},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		answer := b.raw(c.action, c.contentType, bytes.NewReader(c.body))
		runtime.ReadMemStats(&after)
		if up := decode[uploaded](t, answer); up.Code != 200 || up.File.Size != size {
			t.Errorf("%s: %s", name, answer)
		}
		// Of all that was allocated meanwhile, by the whole node too.
		if n := after.TotalAlloc - before.TotalAlloc; n > size/2 {
			t.Errorf("%s: %d bytes were allocated for a file of %d", name, n, size)
		}
	}
}

// TestRepeatedUploads: a call that is known makes no second file.
func TestRepeatedUploads(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{})
	for _, action := range []string{"msg/upload", "msg/fileUpload"} {
		nonce, at := rand.Text(), time.Now()
		once := func(content string) string {
			r := b.request(action, "content", content)
			b.sign(r, nonce, at)
			r.Header.Set("RequestId", action)
			return b.do(r)
		}
		if got := once("YWJj"); !strings.HasPrefix(got, `{"code":200,`) {
			t.Fatal(got)
		}
		if got := once("YWJj"); !strings.HasPrefix(got, `{"code":431,`) {
			t.Errorf("again: %s", got)
		}
	}
	b.wantStored("2/7")
}

// TestFilesOfATimeAreDeleted, of this tenant alone.
func TestFilesOfATimeAreDeleted(t *testing.T) {
	node := openNode(t, t.TempDir(), nil)
	b, other := newBackend(t, node, appliance.TenantRequest{}), newBackend(t, node, appliance.TenantRequest{})
	doomed := decode[uploaded](t, b.call("msg/upload", "content", "YWJj", "tag", "party"))
	kept := decode[uploaded](t, b.call("msg/upload", "content", "YWJj"))
	foreign := decode[uploaded](t, other.call("msg/upload", "content", "YWJj", "tag", "party"))
	b.wantError(414, "the time ends before it begins", "job/nos/del", "startTime", "2", "endTime", "1")
	answer := decode[struct {
		Code int
		Data struct{ TaskID string }
	}](t, b.call("job/nos/del", "startTime", "0", "endTime", "9000000000000", "tag", "party", "contentType", "text/plain"))
	if answer.Code != 200 || answer.Data.TaskID == "" {
		t.Fatalf("%+v", answer)
	}
	if err := node.RemoveOld(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		link string
		want int
	}{"its own": {doomed.Link, 404}, "without the tag": {kept.Link, 200}, "of another tenant": {foreign.Link, 200}} {
		if w := b.get(c.link); w.Code != c.want {
			t.Errorf("the file %s: HTTP %d, want %d", name, w.Code, c.want)
		}
	}
	b.wantStored("1/3")
	other.wantStored("1/3")
}

// TestTheFileGoesWithItsMessage, when that is asked for.
func TestTheFileGoesWithItsMessage(t *testing.T) {
	node := openNode(t, t.TempDir(), nil)
	b, other := newBackend(t, node, appliance.TenantRequest{}), newBackend(t, node, appliance.TenantRequest{})
	b.accounts("alice", "bob")
	own := decode[uploaded](t, b.call("msg/upload", "content", "YWJj"))
	foreign := decode[uploaded](t, other.call("msg/upload", "content", "YWJj"))
	erase := func(url, kind, deleteFile string, want int) {
		t.Helper()
		m := decode[sent](t, b.call("msg/sendMsg", "from", "alice", "to", "bob", "ope", "0", "type", kind, "body", `{"url":`+quote(url)+`}`))
		b.want(`{"code":200}`, "msg/delMsg", "from", "alice", "to", "bob", "type", "7", "deleteFile", deleteFile,
			"deleteMsgid", fmt.Sprint(m.Data.MsgID), "timetag", fmt.Sprint(m.Data.TimeTag))
		for _, up := range []uploaded{own, foreign} {
			if w := b.get(up.Link); up.URL == url && w.Code != want {
				t.Errorf("type %s, deleteFile %s: HTTP %d, want %d", kind, deleteFile, w.Code, want)
			}
		}
	}
	erase(own.URL, "6", "false", 200)
	erase(own.URL, "100", "true", 200) // who knows what an app means by it
	erase(foreign.URL, "6", "true", 200)
	erase("https://example.com/cat.png", "1", "true", 0)
	erase(own.URL, "6", "true", 404)
	b.wantStored("0/0")
	other.wantStored("1/3")
}

// FuzzUploadBody: whatever comes, a call is answered, and a refused one leaves
// nothing.
func FuzzUploadBody(f *testing.F) {
	b := newBackend(f, openNode(f, f.TempDir(), nil), appliance.TenantRequest{APIPerSecond: 1 << 20})
	contentType, body := form("a.txt", []byte("abc"))
	f.Add(true, contentType, body.Bytes())
	f.Add(false, "application/x-www-form-urlencoded", []byte("content=YWJj&tag=x&ishttps=true"))
	f.Add(false, "", []byte("content=%"))
	f.Fuzz(func(t *testing.T, parts bool, contentType string, body []byte) {
		b := *b
		b.t = t
		action := "msg/upload"
		if parts {
			action = "msg/fileUpload"
		}
		before := b.stored()
		answer := decode[uploaded](t, b.raw(action, contentType, bytes.NewReader(body)))
		if after := b.stored(); (answer.Code == 200) == (after == before) {
			t.Errorf("code %d, and %s files became %s", answer.Code, before, after)
		}
	})
}
