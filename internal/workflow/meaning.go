package workflow

// What an explanation says beside the reasons that decisions have: no trigger and
// no execution carries one of them.
const (
	NoDate           Reason = "NO_DATE"
	BeforeActivation Reason = "BEFORE_ACTIVATION"
	NoEvent          Reason = "NO_EVENT"
)

// Meaning is what a reason means, in one sentence: in short what docs/reasons.md
// says of it.
func (r Reason) Meaning() string { return meanings[r] }

var meanings = map[Reason]string{ //nolint:gosec // no credentials: sentences
	PaidReason:         "The invoice has been paid, or the payment that failed has another result by now.",
	PaymentPending:     "A payment that covers what is open is under way.",
	AutoCharge:         "The invoice will be collected by itself.",
	Credited:           "No amount is open on the invoice, or it is a credit note.",
	VoidReason:         "The invoice was voided.",
	NotFinal:           "The invoice is a draft, still open, or archived.",
	OnHold:             "The billing system has put the invoice on hold.",
	Held:               "A hold that a person set is on it.",
	CustomerClosed:     "The customer is closed or archived.",
	SubscriptionEnded:  "The subscription has ended, or the schedule is no trial with an end any more.",
	WalletInactive:     "The wallet is not ACTIVE.",
	BalanceRestored:    "The balance is not below the workflow's threshold, or has not been in between.",
	UnitMismatch:       "The balance cannot be compared with the workflow's threshold.",
	Excluded:           "The workflow excludes the customer.",
	OutOfScope:         "The workflow is for other customers, or for wallets of another type.",
	ConditionFalse:     "The workflow's conditions are not true of these states.",
	ConditionError:     "The workflow's conditions could not be answered about these states.",
	WorkflowInactive:   "The workflow is not ACTIVE.",
	WorkflowChanged:    "The workflow was changed and does not have this step any more.",
	DeadlineMoved:      "The date from which the step counted is another by now.",
	AlreadySent:        "The step was sent for an earlier date of the deadline, on a day that was not before this one.",
	NoAction:           "The workflow has no ACTIVE action.",
	NoRecipient:        "The customer has no usable email address, or never became known.",
	WaitingForCustomer: "The customer, or the invoice of the payment, is not known yet.",
	WaitingForInvoice:  "The source has not said yet which invoice the payment was for.",
	Suppressed:         "The customer's email address is suppressed.",
	PreferenceOff:      "The customer has switched off email about invoices.",
	TooLate:            "It is longer ago than the workflow's max_lateness, or would come too late to be of use.",
	SendingPaused:      "Sending is switched off for the whole platform.",
	Superseded:         "Another message says the same: that of a workflow with a priority that comes first, a later step that has come, a step nearer to the deadline on the same day, or that to its customer of now.",
	Deleted:            "The customer was erased, or what the message is about was deleted.",
	NoDate:             "There is no date to count from, or the step has no day of its own.",
	BeforeActivation:   "The step had passed when the workflow, or the step, was activated.",
	NoEvent:            "What the workflow waits for has not happened since it is ACTIVE, or was imported as history.",
}
