package main

import (
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/yizhan-im/yizhan/appliance"
)

func tenantUsage(admin *adminClient) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "usage <appkey>",
		Short: "Tells what a tenant uses",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cmd.SilenceUsage = true
			var u appliance.TenantUsage
			if err := admin.do(http.MethodGet, tenantsPath+"/"+url.PathEscape(args[0]), nil, &u); err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), u)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', tabwriter.AlignRight)
			for _, line := range []struct {
				what string
				n    any
			}{
				{"accounts", u.Accounts}, {"active today (UTC)", u.ActiveAccounts}, {"connections to this node", u.Connections},
				{"conversations", u.Conversations}, {"teams", u.Teams}, {"messages", u.Messages}, {"registered rooms", u.Rooms},
				{"files", u.Files}, {"bytes of files", u.FileBytes},
			} {
				fmt.Fprintf(w, "%s\t%d\t\n", line.what, line.n)
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "Print JSON")
	return cmd
}
