package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

const (
	// maxExports is how many exports a node streams at a time: one holds a page, and
	// reads as fast as its caller does.
	maxExports = 4
	// exportWrite is how long a caller may take for one page.
	exportWrite = 30 * time.Second
	// exportPause is between two pages: others read, too.
	exportPause = 5 * time.Millisecond
)

// exportType is the type of a stream (https://github.com/ndjson/ndjson-spec).
const exportType = "application/x-ndjson"

var errManyExports = wire.Errorf(wire.CodeBusy, "%d exports are under way at this node; try again", maxExports)

// exportRun is an export that is answered line by line. It holds one page.
type exportRun struct {
	api  *API
	call *call
	page *exportAnswer // the next to write
	sent int
}

// beginExport takes one of the node's places for exports.
func (a *API) beginExport(c *call, first *exportAnswer) (*exportRun, error) {
	select {
	case a.exports <- struct{}{}:
		return &exportRun{api: a, call: c, page: first}, nil
	default:
		return nil, errManyExports
	}
}

// write answers the request and ends the run. What breaks it off is told in the last
// line, if the caller is still there.
func (e *exportRun) write(w http.ResponseWriter, r *http.Request) wire.Code {
	defer func() { <-e.api.exports }()
	header := w.Header()
	header.Set("Content-Type", exportType)
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	control := http.NewResponseController(w)
	defer func() { _ = control.SetWriteDeadline(time.Time{}) }() // the connection goes on
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		lines, err := e.lines()
		if err == nil {
			// Where a server cannot do these, its own limits hold.
			_ = control.SetWriteDeadline(time.Now().Add(exportWrite))
			if _, gone := w.Write(lines); gone != nil {
				return wire.CodeNetwork
			}
			_ = control.Flush()
			if e.page.Cursor == "" {
				return wire.CodeOK
			}
			pause.Reset(exportPause)
			select {
			case <-pause.C:
			case <-r.Context().Done():
				return wire.CodeNetwork
			}
			err = e.next(r.Context())
		}
		if err != nil {
			code := wire.CodeOf(err)
			line, _ := json.Marshal(exportItem{Kind: "error", Data: errorEnvelope(code, err)})
			_, _ = w.Write(append(line, '\n'))
			return code
		}
	}
}

func (e *exportRun) next(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	e.page, err = e.api.exportPage(ctx, e.call, e.page.Cursor)
	return err
}

// lines is the page, with what ends it.
func (e *exportRun) lines() (lines []byte, err error) {
	add := func(item exportItem) {
		var line []byte
		if line, err = marshal(item); err == nil {
			lines = append(append(lines, line...), '\n')
		}
	}
	for _, item := range e.page.Items {
		if add(item); err != nil {
			return nil, err
		}
	}
	e.sent += len(e.page.Items)
	last := exportItem{Kind: "cursor"}
	if e.page.Cursor != "" {
		last.Data, err = marshal(struct {
			Cursor string `json:"cursor"`
		}{e.page.Cursor})
	} else {
		last.Kind = "end"
		last.Data, err = marshal(struct {
			Items int `json:"items"`
		}{e.sent})
	}
	if err == nil {
		add(last)
	}
	return lines, err
}
