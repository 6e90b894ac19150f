package api

import "strings"

// plannedActions are the actions of the Yunxin server API that this build knows
// and does not serve (facts/yunxin-api.md §2–§6).
var plannedActions = func() map[string]bool {
	index := make(map[string]bool)
	for group, names := range plannedByGroup {
		for _, name := range strings.Fields(names) {
			index[group+"/"+name] = true
		}
	}
	return index
}()

var plannedByGroup = map[string]string{
	"stats/chatroom": "topn",
	"signal":         "createRoom delayRoom closeRoom getRoomInfo ctrlRoom invite cancelInvite kick",
	"translator":     "textMsg",
}
