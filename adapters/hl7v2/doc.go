// Package hl7v2 decodes HL7 version 2 messages in the ER7 ("pipe and hat") encoding and carries them over MLLP. It is strict where leniency would
// change what a device said, and practical where the standard is commonly read in two ways; every error says which segment, field,
// repetition, component and subcomponent it is about, and never quotes what the field holds.
//
// It knows nothing of FHIR. What a message means is said by an adapter's manifest over the tree that Message.AppendJSON writes; the ingestion
// pipeline calls Parse, Message.Patients, Message.AppendJSON, ParseTime and Ack, and cmd/firth starts a Server for an MLLP listener.
//
// # What is accepted
//
//   - One message, beginning with MSH, in segments that end with CR, LF or CRLF; blank lines are skipped. Batches (FHS, BHS, a second MSH) are refused.
//   - Delimiters are those of MSH-1 and MSH-2 (escape and subcomponent may be left out, as 2.5.4 of the standard allows).
//   - MSH-18: ASCII, 8859/1, UNICODE UTF-8 and their usual spellings. Absent: ASCII by the standard; bytes above 127 are taken as UTF-8 when they are valid
//     UTF-8, which other encodings practically never are by chance. Any other name is an error, as is a byte that the named encoding does not have.
//   - Escapes: \F\ \S\ \T\ \R\ \E\ \P\, \Xhh..\ (bytes in the message's encoding), \.br\ \.ce\ \.sp n\ (line feeds), \.sk n\ (spaces); \H\ \N\ \.in\ \.ti\
//     \.fi\ \.nf\ carry layout only and vanish. Others (\C..\ \M..\ \Z..\) are errors: their meaning would be lost.
//   - MSH-9 and MSH-10 are required: without them a message can be neither understood nor acknowledged.
//
// Numbering follows the standard: fields, repetitions, components and subcomponents count from 1; what was not sent reads as "".
// The HL7 null, two double quotes, means "delete what you have" and reads as Null.
//
// # The tree
//
// AppendJSON writes segments in the groups of ORU^R01 (chapter 7), whatever the message type:
//
//	{"MSH":{"1":[["|"]],"2":[["^~\\&"]],"9":[["ORU","R01","ORU_R01"]],"10":[["0003"]],...},
//	 "PID":{"3":[["HO2009001","","","NIST","PI"]],...},
//	 "PV1":{...},
//	 "orders":[
//	  {"OBR":{"4":[["44616-1","Pulse oximetry panel","LN"]],...},
//	   "notes":[{"1":[["1"]],"3":[["about the whole battery"]]}],
//	   "observations":[
//	    {"OBX":{"2":[["NM"]],"3":[["149530","MDC_PULS_OXIM_PULS_RATE","MDC"]],"5":[["55"]],...},
//	     "notes":[...]}]}]}
//
// A segment is an object. Each field that was sent is a member named by its number, and its value is always a list of repetitions, each a list of components, each
// a string, or null for the HL7 null. JSON lists count from 0, so OBX-3[1].4 is OBX["3"][0][3]. A component that was sent with
// subcomponents shows the first of them, as the compatibility rules of the standard ask of a receiver that does not know them (2.8); when a field has any, a second member
// with & behind its number holds all of them, one list deeper: "5":[["Berg","Ann"]], "5&":[[["Berg","van den"],["Ann"]]].
//
// MSH, PID, PD1, PV1, PV2, ORC, OBR, OBX and SPM are single objects. NTE are gathered under "notes" of what they follow; every other segment is in a
// list under its name at the innermost group that is open ("PRT":[{...},{...}]) or at the group where the standard has it (NK1 with the
// patient, TQ1 with the order). OBX without an OBR are in an order without "OBR". OBX that follow an SPM are about the specimen, in
// "specimens":[{"SPM":{...},"observations":[...]}] of the order. In OUL messages, which start from the specimen, "specimens" is at the top and holds
// the "orders".
//
// A message about several patients never shows one patient beside another's results: it has "patients":[{"PID":{...},"orders":[...]},...] instead of the
// members of one patient. Message.Patients splits it into one message for each, so that a mapping need not know.
package hl7v2
