/**
 * What the older GeoIP databases do not hold themselves: a record names its country by a line of this list (from 1), each
 * with its two letters, three letters, continent and name.
 */
const countryLines = `AP AP AS Asia/Pacific Region
EU EU EU Europe
AD AND EU Andorra
AE ARE AS United Arab Emirates
AF AFG AS Afghanistan
AG ATG NA Antigua and Barbuda
AI AIA NA Anguilla
AL ALB EU Albania
AM ARM AS Armenia
AN ANT NA Netherlands Antilles
AO AGO AF Angola
AQ AQ AN Antarctica
AR ARG SA Argentina
AS ASM OC American Samoa
AT AUT EU Austria
AU AUS OC Australia
AW ABW NA Aruba
AZ AZE AS Azerbaijan
BA BIH EU Bosnia and Herzegovina
BB BRB NA Barbados
BD BGD AS Bangladesh
BE BEL EU Belgium
BF BFA AF Burkina Faso
BG BGR EU Bulgaria
BH BHR AS Bahrain
BI BDI AF Burundi
BJ BEN AF Benin
BM BMU NA Bermuda
BN BRN AS Brunei Darussalam
BO BOL SA Bolivia
BR BRA SA Brazil
BS BHS NA Bahamas
BT BTN AS Bhutan
BV BV AN Bouvet Island
BW BWA AF Botswana
BY BLR EU Belarus
BZ BLZ NA Belize
CA CAN NA Canada
CC CC AS Cocos (Keeling) Islands
CD COD AF Congo, The Democratic Republic of the
CF CAF AF Central African Republic
CG COG AF Congo
CH CHE EU Switzerland
CI CIV AF Cote D'Ivoire
CK COK OC Cook Islands
CL CHL SA Chile
CM CMR AF Cameroon
CN CHN AS China
CO COL SA Colombia
CR CRI NA Costa Rica
CU CUB NA Cuba
CV CPV AF Cape Verde
CX CX AS Christmas Island
CY CYP AS Cyprus
CZ CZE EU Czech Republic
DE DEU EU Germany
DJ DJI AF Djibouti
DK DNK EU Denmark
DM DMA NA Dominica
DO DOM NA Dominican Republic
DZ DZA AF Algeria
EC ECU SA Ecuador
EE EST EU Estonia
EG EGY AF Egypt
EH ESH AF Western Sahara
ER ERI AF Eritrea
ES ESP EU Spain
ET ETH AF Ethiopia
FI FIN EU Finland
FJ FJI OC Fiji
FK FLK SA Falkland Islands (Malvinas)
FM FSM OC Micronesia, Federated States of
FO FRO EU Faroe Islands
FR FRA EU France
FX FX NA France, Metropolitan
GA GAB AF Gabon
GB GBR EU United Kingdom
GD GRD NA Grenada
GE GEO AS Georgia
GF GUF SA French Guiana
GH GHA AF Ghana
GI GIB EU Gibraltar
GL GRL NA Greenland
GM GMB AF Gambia
GN GIN AF Guinea
GP GLP NA Guadeloupe
GQ GNQ AF Equatorial Guinea
GR GRC EU Greece
GS GS AN South Georgia and the South Sandwich Islands
GT GTM NA Guatemala
GU GUM OC Guam
GW GNB AF Guinea-Bissau
GY GUY SA Guyana
HK HKG AS Hong Kong
HM HM AN Heard Island and McDonald Islands
HN HND NA Honduras
HR HRV EU Croatia
HT HTI NA Haiti
HU HUN EU Hungary
ID IDN AS Indonesia
IE IRL EU Ireland
IL ISR AS Israel
IN IND AS India
IO IO AS British Indian Ocean Territory
IQ IRQ AS Iraq
IR IRN AS Iran, Islamic Republic of
IS ISL EU Iceland
IT ITA EU Italy
JM JAM NA Jamaica
JO JOR AS Jordan
JP JPN AS Japan
KE KEN AF Kenya
KG KGZ AS Kyrgyzstan
KH KHM AS Cambodia
KI KIR OC Kiribati
KM COM AF Comoros
KN KNA NA Saint Kitts and Nevis
KP PRK AS Korea, Democratic People's Republic of
KR KOR AS Korea, Republic of
KW KWT AS Kuwait
KY CYM NA Cayman Islands
KZ KAZ AS Kazakhstan
LA LAO AS Lao People's Democratic Republic
LB LBN AS Lebanon
LC LCA NA Saint Lucia
LI LIE EU Liechtenstein
LK LKA AS Sri Lanka
LR LBR AF Liberia
LS LSO AF Lesotho
LT LTU EU Lithuania
LU LUX EU Luxembourg
LV LVA EU Latvia
LY LBY AF Libya
MA MAR AF Morocco
MC MCO EU Monaco
MD MDA EU Moldova, Republic of
MG MDG AF Madagascar
MH MHL OC Marshall Islands
MK MKD EU Macedonia
ML MLI AF Mali
MM MMR AS Myanmar
MN MNG AS Mongolia
MO MAC AS Macau
MP MNP OC Northern Mariana Islands
MQ MTQ NA Martinique
MR MRT AF Mauritania
MS MSR NA Montserrat
MT MLT EU Malta
MU MUS AF Mauritius
MV MDV AS Maldives
MW MWI AF Malawi
MX MEX NA Mexico
MY MYS AS Malaysia
MZ MOZ AF Mozambique
NA NAM AF Namibia
NC NCL OC New Caledonia
NE NER AF Niger
NF NFK OC Norfolk Island
NG NGA AF Nigeria
NI NIC NA Nicaragua
NL NLD EU Netherlands
NO NOR EU Norway
NP NPL AS Nepal
NR NRU OC Nauru
NU NIU OC Niue
NZ NZL OC New Zealand
OM OMN AS Oman
PA PAN NA Panama
PE PER SA Peru
PF PYF OC French Polynesia
PG PNG OC Papua New Guinea
PH PHL AS Philippines
PK PAK AS Pakistan
PL POL EU Poland
PM SPM NA Saint Pierre and Miquelon
PN PCN OC Pitcairn Islands
PR PRI NA Puerto Rico
PS PSE AS Palestinian Territory
PT PRT EU Portugal
PW PLW OC Palau
PY PRY SA Paraguay
QA QAT AS Qatar
RE REU AF Reunion
RO ROU EU Romania
RU RUS EU Russian Federation
RW RWA AF Rwanda
SA SAU AS Saudi Arabia
SB SLB OC Solomon Islands
SC SYC AF Seychelles
SD SDN AF Sudan
SE SWE EU Sweden
SG SGP AS Singapore
SH SHN AF Saint Helena
SI SVN EU Slovenia
SJ SJM EU Svalbard and Jan Mayen
SK SVK EU Slovakia
SL SLE AF Sierra Leone
SM SMR EU San Marino
SN SEN AF Senegal
SO SOM AF Somalia
SR SUR SA Suriname
ST STP AF Sao Tome and Principe
SV SLV NA El Salvador
SY SYR AS Syrian Arab Republic
SZ SWZ AF Swaziland
TC TCA NA Turks and Caicos Islands
TD TCD AF Chad
TF TF AN French Southern Territories
TG TGO AF Togo
TH THA AS Thailand
TJ TJK AS Tajikistan
TK TKL OC Tokelau
TM TKM AS Turkmenistan
TN TUN AF Tunisia
TO TON OC Tonga
TL TLS AS Timor-Leste
TR TUR EU Turkey
TT TTO NA Trinidad and Tobago
TV TUV OC Tuvalu
TW TWN AS Taiwan
TZ TZA AF Tanzania, United Republic of
UA UKR EU Ukraine
UG UGA AF Uganda
UM UM OC United States Minor Outlying Islands
US USA NA United States
UY URY SA Uruguay
UZ UZB AS Uzbekistan
VA VAT EU Holy See (Vatican City State)
VC VCT NA Saint Vincent and the Grenadines
VE VEN SA Venezuela
VG VGB NA Virgin Islands, British
VI VIR NA Virgin Islands, U.S.
VN VNM AS Vietnam
VU VUT OC Vanuatu
WF WLF OC Wallis and Futuna
WS WSM OC Samoa
YE YEM AS Yemen
YT YT AF Mayotte
RS SRB EU Serbia
ZA ZAF AF South Africa
ZM ZMB AF Zambia
ME MNE EU Montenegro
ZW ZWE AF Zimbabwe
A1 A1 -- Anonymous Proxy
A2 A2 -- Satellite Provider
O1 O1 -- Other
AX ALA EU Aland Islands
GG GGY EU Guernsey
IM IMN EU Isle of Man
JE JEY EU Jersey
BL BLM NA Saint Barthelemy
MF MAF NA Saint Martin
BQ BES NA Bonaire, Sint Eustatius and Saba
SS SSD AF South Sudan`;

/** Regions of the countries whose codes are those of ISO 3166-2; all others are FIPS 10-4 codes, which have no list here. */
const regionLines: Readonly<Record<string, string>> = {
  US: 'AL Alabama,AK Alaska,AZ Arizona,AR Arkansas,CA California,CO Colorado,CT Connecticut,DE Delaware,DC District of Columbia,FL Florida,GA Georgia,HI Hawaii,ID Idaho,IL Illinois,IN Indiana,IA Iowa,KS Kansas,KY Kentucky,LA Louisiana,ME Maine,MD Maryland,MA Massachusetts,MI Michigan,MN Minnesota,MS Mississippi,MO Missouri,MT Montana,NE Nebraska,NV Nevada,NH New Hampshire,NJ New Jersey,NM New Mexico,NY New York,NC North Carolina,ND North Dakota,OH Ohio,OK Oklahoma,OR Oregon,PA Pennsylvania,RI Rhode Island,SC South Carolina,SD South Dakota,TN Tennessee,TX Texas,UT Utah,VT Vermont,VA Virginia,WA Washington,WV West Virginia,WI Wisconsin,WY Wyoming,AS American Samoa,GU Guam,PR Puerto Rico,VI Virgin Islands',
  CA: 'AB Alberta,BC British Columbia,MB Manitoba,NB New Brunswick,NL Newfoundland and Labrador,NS Nova Scotia,NT Northwest Territories,NU Nunavut,ON Ontario,PE Prince Edward Island,QC Quebec,SK Saskatchewan,YT Yukon',
};

export interface LegacyCountry {
  readonly code: string;
  readonly code3: string;
  readonly continent: string;
  readonly name: string;
}

/** @returns the country of a number; undefined for 0 and numbers that were never given out */
export function legacyCountries(): (number: number) => LegacyCountry | undefined {
  const countries = countryLines.split('\n').map((line): LegacyCountry => {
    const [code, code3, continent] = line.split(' ') as [string, string, string];
    return { code, code3, continent, name: line.slice(code.length + code3.length + continent.length + 3) };
  });
  return (number) => countries[number - 1];
}

/** @returns a region's name, or its code where no name is known */
export function legacyRegionName(country: string, code: string): string {
  const line = regionLines[country]?.split(',').find((entry) => entry.startsWith(`${code} `));
  return line === undefined ? code : line.slice(code.length + 1);
}
