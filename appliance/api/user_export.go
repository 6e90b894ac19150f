package api

import (
	"context"
	"encoding/json"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/yizhan-im/yizhan/appliance/app"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// These say how an export is answered.
const (
	exportPaged  = "page"
	exportStream = "stream"
)

// maxExportCursor bounds a cursor, in characters.
const maxExportCursor = 128

var exportActions = []action{{
	name: "user/export",
	about: "Reads all that is kept of an account: its data, devices, relations, teams, logins, subscriptions, notifications, settings, files, conversations, and the messages that it may read. " +
		"In pages, or with form `stream` in one answer of type `application/x-ndjson`: one item a line, as in `items`; behind each page a line of kind `cursor`, to go on from when the answer breaks off; at the end a line of kind `end`, with the number of items, or `error`, with code and desc. " +
		"What changes meanwhile may come twice. Yizhan's own: Yunxin has no such action.",
	params: []param{
		{name: "accid", kind: account, required: true},
		{name: "cursor", max: maxExportCursor, about: "that of the page before; none for the first page"},
		{name: "form", max: 8, about: "`page`, the default, or `stream`"},
	},
	answer: exportAnswer{},
	serve:  (*API).exportUser,
}}

type exportAnswer struct {
	Size   int          `json:"size" about:"how many items there are"`
	Items  []exportItem `json:"items"`
	Cursor string       `json:"cursor,omitempty" about:"pass it to go on; there is none at the end. A page may be short and have one"`
}

type exportItem struct {
	Kind string          `json:"kind" about:"account, profile, device, mute, friendMode, relation, team, login, subscription, notification, doNotDisturb, setting, file, conversation or message"`
	Data json.RawMessage `json:"data" about:"the item, in the JSON form of the protocol's messages"`
}

func (a *API) exportUser(ctx context.Context, c *call) (any, error) {
	answer, err := a.exportPage(ctx, c, c.args["cursor"].text)
	if err != nil {
		return nil, err
	}
	switch form := c.args["form"].text; form {
	case "", exportPaged:
		return answer, nil
	case exportStream:
		return a.beginExport(c, answer)
	default:
		return nil, wire.Errorf(wire.CodeBadParameter, "form is neither page nor stream")
	}
}

func (a *API) exportPage(ctx context.Context, c *call, cursor string) (*exportAnswer, error) {
	items, cursor, err := a.app.Export(ctx, c.appKey(), c.args["accid"].text, cursor)
	if err != nil {
		return nil, notRegistered(err, "accid")
	}
	answer := &exportAnswer{Size: len(items), Items: make([]exportItem, len(items)), Cursor: cursor}
	for i, item := range items {
		answer.Items[i].Kind = item.Kind
		if answer.Items[i].Data, err = a.exportJSON(ctx, c, item); err != nil {
			return nil, err
		}
	}
	return answer, nil
}

func (a *API) exportJSON(ctx context.Context, c *call, item app.ExportItem) (json.RawMessage, error) {
	if item.Body == nil {
		if file, ok := item.Plain.(*app.ExportFile); ok && a.files != nil {
			var err error
			if file.URL, err = a.files.SignedLink(ctx, c.http, file.ID); err != nil {
				return nil, err
			}
		}
		return marshal(item.Plain)
	}
	text, err := protojson.Marshal(item.Body)
	if err != nil {
		return nil, err
	}
	return text, nil
}
