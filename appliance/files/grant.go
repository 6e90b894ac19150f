package files

import (
	"net/url"
	"strings"
	"time"
)

// grant serves POST /files/grant: whoever can log in gets a grant.
func (c *call) grant() error {
	var in struct {
		AppKey  string `json:"appKey"`
		Account string `json:"account"`
		Token   string `json:"token"`
	}
	if err := c.readJSON(&in); err != nil {
		return err
	}
	tenant, account, err := c.s.auth.CheckCredentials(c.r.Context(), c.remote(), in.AppKey, in.Account, in.Token)
	if err != nil {
		return err
	}
	p := Principal{Tenant: tenant, AppKey: in.AppKey, Account: account}
	if len(p.AppKey) > maxAppKeyLen || len(p.Account) > maxAccountLen {
		return errBadRequest.noting("the appkey or the account is too long")
	}
	k, err := c.s.signer(c.r.Context())
	if err != nil {
		return err
	}
	expires := c.s.now().Add(c.GrantLifetime)
	l := c.limits(p.AppKey)
	return c.writeJSON(struct {
		Code         int    `json:"code"`
		Grant        string `json:"grant"`
		ExpiresMs    int64  `json:"expiresMs"`
		MaxSize      int64  `json:"maxSize"`
		UploadURL    string `json:"uploadUrl"`
		ResumableURL string `json:"resumableUrl"`
	}{200, k.grant(p, expires), expires.UnixMilli(), l.MaxSize,
		c.base() + Prefix + "/" + pathUpload, c.base() + Prefix + "/" + pathResumable})
}

// maxLinks is how many links one request may ask for.
const maxLinks = 100

// linkAnswer is one link, or why there is none.
type linkAnswer struct {
	ID        string `json:"id"`
	URL       string `json:"url,omitempty"`
	ExpiresMs int64  `json:"expiresMs,omitempty"`
	Error     string `json:"error,omitempty"`
}

// links serves POST /files/links: signed links to files of the caller's tenant,
// by their ids or their addresses. Whether there is such a file the link tells.
func (c *call) links() error {
	if err := c.authorize(); err != nil {
		return err
	}
	var in struct {
		Files []string `json:"files"`
	}
	if err := c.readJSON(&in); err != nil {
		return err
	}
	if len(in.Files) == 0 || len(in.Files) > maxLinks {
		return errBadRequest.noting("files must have 1 to %d ids or addresses", maxLinks)
	}
	answers := make([]linkAnswer, len(in.Files))
	for i, file := range in.Files {
		id, err := idOf(file)
		if err != nil || id.tenant != c.principal.Tenant {
			answers[i] = linkAnswer{ID: file, Error: errNotFound.Name}
			continue
		}
		link, expires, err := c.link(id)
		if err != nil {
			return err
		}
		answers[i] = linkAnswer{ID: id.String(), URL: link, ExpiresMs: expires.UnixMilli()}
	}
	return c.writeJSON(struct {
		Code  int          `json:"code"`
		Links []linkAnswer `json:"links"`
	}{200, answers})
}

// idOf takes an id, or the address of a file, signed or not.
func idOf(s string) (fileID, error) {
	if len(s) > 2048 {
		return fileID{}, errBadID
	}
	if u, err := url.Parse(s); err == nil && strings.Contains(u.Path, "/") {
		i := strings.LastIndex(u.Path, Prefix+"/"+pathObject+"/")
		if i < 0 {
			return fileID{}, errBadID
		}
		s = u.Path[i+len(Prefix+"/"+pathObject+"/"):]
	}
	return parseID(s)
}

// address is where a file is, for good. It opens with a signature or a grant.
func (c *call) address(id string) string { return c.base() + Prefix + "/" + pathObject + "/" + id }

// link is a signed address. Its life ends at a whole minute, so that a browser's
// cache meets the same link again.
func (c *call) link(id fileID) (string, time.Time, error) {
	k, err := c.s.signer(c.r.Context())
	if err != nil {
		return "", time.Time{}, err
	}
	expires := c.s.now().Add(c.LinkLifetime)
	if whole := expires.Truncate(time.Minute); c.LinkLifetime > 2*time.Minute {
		expires = whole
	}
	return c.address(id.String()) + "?" + k.link(id, expires), expires, nil
}

// Body is what a client puts into a message: the attachment of Yunxin's image,
// audio, video and file messages. Fields that do not apply are left out.
type Body struct {
	Name string `json:"name,omitempty"`
	URL  string `json:"url"`
	MD5  string `json:"md5"`
	Size int64  `json:"size"`
	Ext  string `json:"ext,omitempty"`
	W    int    `json:"w,omitempty"`   // pixels
	H    int    `json:"h,omitempty"`   // pixels
	Dur  int64  `json:"dur,omitempty"` // ms
}

// Result is what an upload is answered with.
type Result struct {
	Code          int    `json:"code"` // 200
	ID            string `json:"id"`
	Body          Body   `json:"body"`
	Type          string `json:"type"` // found in the content
	SHA256        string `json:"sha256"`
	Link          string `json:"link"` // signed
	LinkExpiresMs int64  `json:"linkExpiresMs"`
}

// uploaded is the answer to a finished upload.
func (c *call) uploaded(m *meta) error {
	r, err := c.resultOf(m)
	if err != nil {
		return err
	}
	return c.writeJSON(r)
}

func (c *call) resultOf(m *meta) (*Result, error) {
	id, err := parseID(m.ID)
	if err != nil {
		return nil, err
	}
	link, expires, err := c.link(id)
	if err != nil {
		return nil, err
	}
	return &Result{
		Code: 200, ID: m.ID, Type: m.Type, SHA256: m.SHA256, Link: link, LinkExpiresMs: expires.UnixMilli(),
		Body: Body{Name: m.Name, URL: c.address(m.ID), MD5: m.MD5, Size: m.Size, Ext: m.Ext, W: m.W, H: m.H, Dur: m.Dur},
	}, nil
}
