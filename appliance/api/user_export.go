package api

import (
	"context"
	"encoding/json"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/yizhan-im/yizhan/appliance/app"
)

// maxExportCursor bounds a cursor, in characters.
const maxExportCursor = 128

var exportActions = []action{{
	name: "user/export",
	about: "Reads all that is kept of an account, in pages: its data, relations, teams, logins, conversations, and the messages that it may read, with their references to files. " +
		"What changes meanwhile may come twice. Yizhan's own: Yunxin has no such action.",
	params: []param{
		{name: "accid", kind: account, required: true},
		{name: "cursor", max: maxExportCursor, about: "that of the page before; none for the first page"},
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
	Kind string          `json:"kind" about:"account, profile, device, relation, team, login, conversation or message"`
	Data json.RawMessage `json:"data" about:"the item, in the JSON form of the protocol's messages"`
}

func (a *API) exportUser(ctx context.Context, c *call) (any, error) {
	items, cursor, err := a.app.Export(ctx, c.appKey(), c.args["accid"].text, c.args["cursor"].text)
	if err != nil {
		return nil, notRegistered(err, "accid")
	}
	answer := exportAnswer{Size: len(items), Items: make([]exportItem, len(items)), Cursor: cursor}
	for i, item := range items {
		answer.Items[i].Kind = item.Kind
		if answer.Items[i].Data, err = exportJSON(item); err != nil {
			return nil, err
		}
	}
	return answer, nil
}

func exportJSON(item app.ExportItem) (json.RawMessage, error) {
	if item.Body == nil {
		return marshal(item.Plain)
	}
	text, err := protojson.Marshal(item.Body)
	if err != nil {
		return nil, err
	}
	return text, nil
}
