package api

import "strings"

// group is a folder of actions.
type group struct{ name, title, about string }

// groups are those that have an action, in the order of the documents. A new one
// is added here: a test tells.
var groups = []group{
	{"user", "Accounts", "Accounts with their tokens, profiles and lists."},
	{"friend", "Friends", "Who is whose friend."},
	{"event/subscribe", "Subscriptions", "Who is told of whose presence."},
	{"msg", "Messages", "Sending messages and taking them back, and the files that are in them."},
	{"job/nos", "Files", "Deleting files."},
	{"team", "Teams", "Groups of accounts with a common conversation."},
	{"chatroom", "Chatrooms", "Rooms that anybody may enter: who is what in them, their messages, and their queues."},
	{"superteam", "Superteams", "Teams of 100,000 members and more."},
	{"tenant", "Tenant", "What a tenant uses."},
	{"history", "History", "Reading what was sent."},
}

// groupOf is the "user" of "user/create", and the "event/subscribe" of
// "event/subscribe/add".
func groupOf(name string) string {
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		return name[:i]
	}
	return ""
}
