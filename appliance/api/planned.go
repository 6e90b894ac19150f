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
	"user": "setDonnop mute muteModule",
	"msg": `upload fileUpload delMsgOneWay delMsg delRoamSession
		markReadMsg markReadTeamMsg`,
	"job/nos": "del",
	"team":    "getMarkReadInfo listMemberInfo listOnlineUsers listOnlineUserCount",
	"superteam": `create dismiss invite kick leave updateTinfo getTinfos updateTlist updateTeamNick getTlists
		getMuteTlists addManager removeManager changeOwner mute muteTlist changeLevel joinTeams sendMsg sendAttachMsg
		recallMsg queryHistoryMsg queryHistoryMsgByIds`,
	"chatroom":       "requestAddr batchSendMsgToSomeone tagTemporaryMute tagMembersCount tagMembersQuery updateChatRoomRoleTag",
	"stats/chatroom": "topn",
	"history":        `queryTeamMsg querySessionList queryTagHistoryMsg queryUserEvents`,
	"signal":         "createRoom delayRoom closeRoom getRoomInfo ctrlRoom invite cancelInvite kick",
	"translator":     "textMsg",
}
