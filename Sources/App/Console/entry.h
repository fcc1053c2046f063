// One entry of the table in files.c: the file that FILE names. It has no include guard, because it is included once for each
// file.
{
    FILE,
    (const unsigned char[]){
#embed FILE
    },
    sizeof(const unsigned char[]){
#embed FILE
    },
},
#undef FILE
