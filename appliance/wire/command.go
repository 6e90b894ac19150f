package wire

import "strconv"

// Command names what a request asks or a push tells. Changing a number breaks
// compatibility. Requests are 1–63, pushes 64 and up.
type Command uint16

// The commands.
const (
	CmdLogin         Command = 1
	CmdLogout        Command = 2
	CmdSend          Command = 10
	CmdAck           Command = 11
	CmdRead          Command = 12
	CmdRecall        Command = 13
	CmdSync          Command = 20
	CmdHistory       Command = 22
	CmdProfiles      Command = 30
	CmdUpdateProfile Command = 31
	CmdKick          Command = 32
	CmdEnterRoom     Command = 40
	CmdExitRoom      Command = 41
	CmdSendRoom      Command = 42

	PushMessage     Command = 64
	PushRead        Command = 65
	PushKicked      Command = 66
	PushGoAway      Command = 67
	PushClose       Command = 68
	PushRoomMessage Command = 69
)

var commandNames = map[Command]string{
	CmdLogin: "login", CmdLogout: "logout", CmdSend: "send", CmdAck: "ack", CmdRead: "read",
	CmdRecall: "recall", CmdSync: "sync", CmdHistory: "history", CmdProfiles: "profiles",
	CmdUpdateProfile: "update_profile", CmdKick: "kick",
	CmdEnterRoom: "enter_room", CmdExitRoom: "exit_room", CmdSendRoom: "send_room",
	PushMessage: "message", PushRead: "read_push", PushKicked: "kicked",
	PushGoAway: "go_away", PushClose: "close", PushRoomMessage: "room_message",
}

// String is the command's name, as metrics and logs show it.
func (c Command) String() string {
	if name, ok := commandNames[c]; ok {
		return name
	}
	return "command_" + strconv.Itoa(int(c))
}

// Compressible reports whether a frame of this command may be compressed. A
// login carries a secret beside text that others may choose, so its size must
// tell nothing.
func (c Command) Compressible() bool {
	return c != CmdLogin
}
