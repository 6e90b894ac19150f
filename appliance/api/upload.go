package api

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/yizhan-im/yizhan/appliance/files"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Limits of files that a backend uploads (facts/yunxin-api.md §3 and §11).
const (
	maxUpload       = 15 << 20 // bytes
	maxFileTag      = 32
	leastFileLife   = 24 * 60 * 60             // seconds
	mostFileLife    = 100 * 365 * 24 * 60 * 60 // seconds
	deletionsPerDay = 5                        // of job/nos/del
	aboutFileType   = "as it was found in the content, such as image/png; default every type"
	aboutUpload     = " At most 15 MB. The type is found in the content, and what the tenant does not take is refused."
)

// uploadKind is how an action brings a file.
type uploadKind uint8

const (
	noUpload        uploadKind = iota
	base64Upload               // in a form-urlencoded parameter
	multipartUpload            // as a part of a form (RFC 7578)
)

// contentParam is the parameter that has the file.
const contentParam = "content"

// uploadParams are the parameters of both ways to upload.
func uploadParams(content param) []param {
	content.name, content.required, content.max = contentParam, true, maxUpload
	return []param{
		content,
		{name: "ishttps", kind: boolean, about: "true makes the address begin with https where the operator has not set how it begins"},
		{name: "expireSec", kind: number, least: leastFileLife, most: mostFileLife, about: "for how many seconds the file is kept at most, default as the tenant's are"},
		{name: "tag", max: maxFileTag, about: "to find it by in job/nos/del"},
	}
}

var uploadCodes = []outcome{
	{wire.CodeNotFound, "this site takes no files"},
	{wire.CodeCountLimit, "the tenant's files, or its uploads of today, have as many bytes as they may have, or too many uploads are under way"},
}

var fileActions = []action{
	{
		name:   "msg/upload",
		about:  "Takes a file, encoded in base64, and returns its address for a message." + aboutUpload,
		params: uploadParams(param{kind: base64Text, about: "the file; the limit is one of its bytes"}),
		// The type is found in the content.
		ignored: []string{"type"},
		upload:  base64Upload,
		answer:  uploadAnswer{},
		codes:   uploadCodes,
		serve:   (*API).storeUpload,
	},
	{
		name:    "msg/fileUpload",
		about:   "Takes a file as a part of a form, and returns its address for a message. The body is `multipart/form-data`." + aboutUpload,
		params:  uploadParams(param{kind: filePart, about: "the file; the limit is one of its bytes"}),
		ignored: []string{"type"},
		upload:  multipartUpload,
		answer:  uploadAnswer{},
		codes:   uploadCodes,
		serve:   (*API).storeUpload,
	},
	{
		name:  "job/nos/del",
		about: "Begins to delete the tenant's files that were stored within a time, those of its users too. Messages keep their place, and their addresses lead nowhere. It may take some minutes; a file that is stored after the call stays.",
		params: []param{
			{name: "startTime", kind: number, required: true, most: maxMillis, about: aboutTimeMs},
			{name: "endTime", kind: number, required: true, most: maxMillis, about: aboutTimeMs, example: "1790000000000"},
			{name: "contentType", max: state.MaxFileType, about: aboutFileType},
			{name: "tag", max: maxFileTag, about: "that the files were uploaded with, default every one"},
		},
		answer: fileJobAnswer{},
		perDay: deletionsPerDay,
		serve:  (*API).deleteFiles,
	},
}

type uploadAnswer struct {
	URL string `json:"url" about:"where the file is for good: put it into a message. It does not open by itself"`
	// What Yunxin does not answer, and whoever sends the file must know.
	Link string     `json:"link" about:"a signed address that opens for a while"`
	File fileAnswer `json:"file" about:"the body of a message of type 1, 2, 3 or 6"`
}

type fileAnswer struct {
	Name string `json:"name,omitempty"`
	URL  string `json:"url"`
	MD5  string `json:"md5"`
	Size int64  `json:"size" about:"bytes"`
	Ext  string `json:"ext,omitempty"`
	W    int    `json:"w,omitempty" about:"of an image, pixels"`
	H    int    `json:"h,omitempty" about:"of an image, pixels"`
}

type fileJobAnswer struct {
	Data struct {
		TaskID string `json:"taskid"`
	} `json:"data"`
}

// storeUpload makes what was received a file. Whoever repeats a call whose answer was
// lost makes another one.
func (a *API) storeUpload(ctx context.Context, c *call) (any, error) {
	r, err := c.upload.Store(ctx, files.Details{
		Name: c.uploadName, Tag: c.args["tag"].text, HTTPS: c.args["ishttps"].flag,
		Life: time.Duration(c.args["expireSec"].number) * time.Second,
	})
	if err != nil {
		return nil, err
	}
	return uploadAnswer{
		URL: r.Body.URL, Link: r.Link,
		File: fileAnswer{r.Body.Name, r.Body.URL, r.Body.MD5, r.Body.Size, r.Body.Ext, r.Body.W, r.Body.H},
	}, nil
}

// fileTypes are the types of messages whose body names a file.
var fileTypes = []uint32{1, 2, 3, 6}

// eraseMessage deletes the file first: a call that is repeated still finds its name.
func (a *API) eraseMessage(ctx context.Context, c *call) (any, error) {
	ref := c.ref("deleteMsgid", recallTeam)
	if c.args["deleteFile"].flag && a.files != nil {
		m, err := a.app.MessageAt(ctx, c.appKey(), ref)
		if err != nil {
			return nil, err
		}
		var body struct{ URL string }
		if slices.Contains(fileTypes, m.Type) && json.Unmarshal([]byte(m.Body), &body) == nil {
			if _, err := a.files.Delete(ctx, c.tenant.ID, []string{body.URL}); err != nil {
				return nil, err
			}
		}
	}
	return nil, a.changeMessage(ctx, c, ref, state.MessageChange{Op: state.MessageErase})
}

func (a *API) deleteFiles(ctx context.Context, c *call) (any, error) {
	id, err := a.app.DeleteFiles(ctx, c.appKey(), state.DeleteFiles{
		FromMs: c.args["startTime"].number, ToMs: c.args["endTime"].number, Type: c.args["contentType"].text, Tag: c.args["tag"].text,
	})
	if wire.CodeOf(err) == wire.CodeCountLimit {
		return nil, wire.Errorf(wire.CodeBusy, "%s", err.(*wire.Error).Note) // it passes by
	}
	if err != nil {
		return nil, err
	}
	answer := new(fileJobAnswer)
	answer.Data.TaskID = strconv.FormatUint(id, 10)
	return answer, nil
}
